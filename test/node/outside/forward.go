// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// A dialFunc makes a connection into the node.
type dialFunc func(context.Context) (net.Conn, error)

// dialIn dials address in the network namespace of a process.
func dialIn(pid int, address string) dialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		return inNetwork(pid, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) })
	}
}

// inNetwork calls do in the network namespace of a process. A socket stays in the namespace
// of the thread that makes it. The thread is never unlocked, so it ends with its goroutine.
func inNetwork[T any](pid int, do func() (T, error)) (T, error) {
	var made T
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := enterNetwork(pid)
		if err == nil {
			made, err = do()
		}
		done <- err
	}()
	err := <-done
	return made, err
}

// enterNetwork moves the calling thread.
func enterNetwork(pid int) error {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("%s cannot be entered: %w", namespace.Name(), err)
	}
	return nil
}

// forward passes each connection that listener accepts on to one that dial
// makes, until listener is closed. It returns when all of them have ended, and
// closes them when ctx does.
func forward(ctx context.Context, listener net.Listener, dial dialFunc) error {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		open.Go(func() { pass(ctx, conn, dial) })
	}
}

// pass copies both ways, and passes on the end of each way by itself.
func pass(ctx context.Context, client net.Conn, dial dialFunc) {
	defer client.Close()
	server, err := dial(ctx)
	if err != nil {
		return // the client sees a connection that ends; it tries again
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})()
	var ways sync.WaitGroup
	ways.Go(func() { copyAndClose(server, client) })
	ways.Go(func() { copyAndClose(client, server) })
	ways.Wait()
}

func copyAndClose(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}
