// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// forwarding starts a forwarder to dial and returns a connection to it, and what
// forward returns.
func forwarding(ctx context.Context, t *testing.T, dial dialFunc) (*net.TCPConn, net.Listener, <-chan error) {
	t.Helper()
	l := listenLocally(t)
	ended := make(chan error, 1)
	go func() { ended <- forward(ctx, l, dial) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn), l, ended
}

func dialTo(l net.Listener) dialFunc {
	return func(context.Context) (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
}

func TestEachWayEndsByItself(t *testing.T) {
	t.Parallel()
	server := listenLocally(t)
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		question, _ := io.ReadAll(conn) // until the client has sent all
		_, _ = conn.Write(append([]byte("you said "), question...))
	}()
	client, listener, ended := forwarding(t.Context(), t, dialTo(server))
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(client); err != nil || string(answer) != "you said hello" {
		t.Errorf("answer %q, error %v", answer, err)
	}
	listener.Close()
	if err := <-ended; err != nil {
		t.Errorf("closing the listener is no error, but: %v", err)
	}
}

func TestAServerThatCannotBeReachedIsTheEndOfOneConnection(t *testing.T) {
	t.Parallel()
	server := listenLocally(t)
	go func() {
		if conn, err := server.Accept(); err == nil {
			_, _ = conn.Write([]byte("hi"))
			conn.Close()
		}
	}()
	refused := make(chan struct{}, 1)
	client, listener, _ := forwarding(t.Context(), t, func(ctx context.Context) (net.Conn, error) {
		select {
		case refused <- struct{}{}:
			return nil, errors.New("not yet")
		default:
			return dialTo(server)(ctx)
		}
	})
	if data, _ := io.ReadAll(client); len(data) > 0 {
		t.Errorf("read %q", data)
	}
	again, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if data, err := io.ReadAll(again); err != nil || string(data) != "hi" {
		t.Errorf("then read %q, error %v", data, err)
	}
}

func TestOpenConnectionsEndWithTheContext(t *testing.T) {
	t.Parallel()
	server := listenLocally(t)
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := server.Accept(); err == nil {
			accepted <- conn
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	client, listener, ended := forwarding(ctx, t, dialTo(server))
	conn := <-accepted
	defer conn.Close()
	cancel()
	if data, _ := io.ReadAll(client); len(data) > 0 {
		t.Errorf("read %q", data)
	}
	listener.Close()
	<-ended
}
