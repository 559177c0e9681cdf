// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAHeaderOfManyLinesIsNotRead(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)
	fields := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "x%d:\n", i)
		}
		return b.String()
	}
	text := strings.Repeat("\n", 200) // lines of a body are not counted
	request := func(n int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n%s", len(text), fields(n), text)
	}
	conn := r.mustFrom(t, "127.3.0.1")
	for range 3 {
		if resp := ask(t, conn, request(20)); resp.StatusCode != http.StatusOK || resp.Close {
			t.Errorf("20 fields: status %d, close %v; want 200 and an open connection", resp.StatusCode, resp.Close)
		}
	}
	if _, err := io.WriteString(conn, request(100)); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, conn)
	// The end of the header need not come.
	if resp := ask(t, r.mustFrom(t, "127.3.0.1"), "POST / HTTP/1.1\r\nHost: a\r\n"+fields(100)); resp.StatusCode != http.StatusBadRequest || !resp.Close {
		t.Errorf("100 fields of a header without end: status %d, close %v; want 400 and a closed connection", resp.StatusCode, resp.Close)
	}
}

// net/http makes a map of the names in one line of a header.
func TestTrailersAreNotHeld(t *testing.T) {
	t.Parallel()
	announced := make(chan int, 1)
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		announced <- len(r.Trailer)
		_, _ = io.Copy(w, r.Body)
	})
	r.untilReady(t)
	resp := ask(t, r.mustFrom(t, "127.3.0.1"), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: aa,bb,cc\r\n\r\n2\r\nhi\r\n0\r\naa: 1\r\n\r\n")
	if got := <-announced; got != 0 || resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, and %d announced trailers are held; want 200 and none", resp.StatusCode, got)
	}
}

// What a client offers is held until it answers the server's part of the handshake.
func TestALongHandshakeIsNotRead(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)
	offer := func(n int) error {
		protocols := []string{"http/1.1"}
		for i := range n {
			protocols = append(protocols, fmt.Sprintf("p%04d", i))
		}
		_, err := r.dial(t, func(c *tls.Config) { c.NextProtos = protocols })
		return err
	}
	if err := offer(100); err != nil {
		t.Errorf("100 names of protocols: %v", err)
	}
	if err := offer(10_000); err == nil {
		t.Error("a client that offers 10,000 protocols got a connection")
	}
	eventually(t, "it is told", func() bool { return strings.Contains(r.log.String(), "the TLS handshake is longer than is taken") })
}

func TestAPanicOfAHandshakeCostsTheConnection(t *testing.T) {
	t.Parallel()
	port, err := listen("test", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	client, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	tcp, err := port.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { _ = tls.Client(client, &tls.Config{ServerName: "a"}).HandshakeContext(ctx) }()

	log := &journal{}
	d := &doorway{log: log.logger(), config: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("secret") }}}
	c := &conn{TCPConn: tcp}
	err = d.handshake(c, tls.Server(c, d.config))
	if err == nil || strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "the TLS handshake panicked") {
		t.Errorf("the handshake ended with %v, and the log says:\n%s", err, log)
	}
}
