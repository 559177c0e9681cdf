// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command consumer behaves like the one of the article that started the project: it
// opens the queue, which must be there, and receives until it is told "done".
package main

import (
	"fmt"
	"log"

	"github.com/pillion-dev/pillion/test/e2e/cmd/internal/mqueue"
)

func main() {
	fd, err := mqueue.Open("/ch6_ipc")
	if err != nil {
		log.Fatal("the queue is not there; either the producer has not been started, or it has ended: ", err)
	}
	buffer := make([]byte, 1024)
	for received := 0; ; received++ {
		n, err := mqueue.Receive(fd, buffer)
		if err != nil {
			log.Fatal("a message cannot be received: ", err)
		}
		if string(buffer[:n]) == "done" {
			fmt.Println("received", received, "messages")
			return
		}
	}
}
