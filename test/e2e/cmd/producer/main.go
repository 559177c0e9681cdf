// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command producer behaves like the one of the article that started the project: it
// makes a queue, sends 500 messages and "done", and removes the queue.
package main

import (
	"fmt"
	"log"
	"syscall"

	"github.com/pillion-dev/pillion/test/e2e/cmd/internal/mqueue"
)

const queue = "/ch6_ipc"

func main() {
	fd, err := mqueue.Create(queue, 0o644, 10, 1024)
	if err != nil {
		log.Fatal("the queue cannot be opened: ", err)
	}
	for i := range 500 {
		if err := mqueue.Send(fd, fmt.Appendf(nil, "%-1024d", i)); err != nil {
			log.Fatal("a message cannot be sent: ", err)
		}
	}
	if err := mqueue.Send(fd, []byte("done")); err != nil {
		log.Fatal("the last message cannot be sent: ", err)
	}
	syscall.Close(fd)
	if err := mqueue.Unlink(queue); err != nil {
		log.Fatal("the queue cannot be removed: ", err)
	}
	fmt.Println("sent 500 messages")
}
