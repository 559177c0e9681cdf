// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// listen prints what the first one says who says anything.
func listen(args ...string) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "unix", args[0])
	if err != nil {
		return err
	}
	defer listener.Close()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(conn)
		conn.Close()
		if err != nil {
			return err
		}
		if len(text) > 0 {
			fmt.Printf("%s\n", text)
			return nil
		}
	}
}

// say has one attempt.
func say(args ...string) error {
	conn, err := new(net.Dialer).DialContext(context.Background(), "unix", args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, args[1])
	return err
}

func await(args ...string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	if err := os.WriteFile(args[0], nil, 0o644); err != nil {
		return err
	}
	fmt.Println("received", <-signals)
	return nil
}
