// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	t.Parallel()

	t.Run("without a certificate the server lives, is not ready and opens no serving port", func(t *testing.T) {
		t.Parallel()
		r := start(t, echo, func(r *running, _ *Options) { _ = os.Remove(filepath.Join(r.dir, certificateFile)) })
		eventually(t, "a poll of the directory", func() bool {
			code, text := r.health(t, "/readyz")
			return code == http.StatusServiceUnavailable && strings.Contains(text, "waiting for a certificate: certificate directory "+r.dir)
		})
		if _, text := r.health(t, "/readyz"); strings.Count(text, "\n") != 1 {
			t.Errorf("/readyz gives %q, want one line", text)
		}
		if code, _ := r.health(t, "/healthz"); code != http.StatusOK {
			t.Errorf("/healthz answers %d, want 200", code)
		}
		if serving, _ := r.Addrs(); serving != nil {
			t.Errorf("the serving port %s is open", serving)
		}

		r.leaf.writeTo(t, r.dir)
		r.untilReady(t)
		if _, got := r.post(t, r.client(t), "hello"); got != "hello" {
			t.Errorf("answer %q, want hello", got)
		}
	})

	t.Run("a renewed certificate is shown to new connections", func(t *testing.T) {
		t.Parallel()
		r := start(t, echo)
		r.untilReady(t)
		r.leaf = issue(t)
		r.leaf.writeTo(t, r.dir)
		eventually(t, "the new certificate is shown", func() bool { _, err := r.dial(t); return err == nil })
	})

	t.Run("a certificate that expires in use makes the server unready", func(t *testing.T) {
		t.Parallel()
		var later atomic.Int64 // how far the server's clock is ahead
		r := start(t, echo, func(_ *running, o *Options) {
			o.Certificates.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		})
		r.untilReady(t)
		later.Store(int64(2 * time.Hour))
		eventually(t, "/readyz says that it expired", func() bool {
			code, text := r.health(t, "/readyz")
			return code == http.StatusServiceUnavailable && strings.HasPrefix(text, "the certificate in use expired at ")
		})
		if code, _ := r.health(t, "/healthz"); code != http.StatusOK {
			t.Errorf("/healthz answers %d, want 200", code)
		}
	})

	t.Run("a signal before the first certificate ends at once", func(t *testing.T) {
		t.Parallel()
		r := start(t, echo, func(r *running, _ *Options) { _ = os.RemoveAll(r.dir) })
		r.drain()
		if err := r.ended(t); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})

	t.Run("a port that is taken is named", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		r := start(t, echo, func(_ *running, o *Options) { o.Listen = taken.Addr().String() })
		want := fmt.Sprintf("cannot open the serving port on %q", taken.Addr())
		if err := r.ended(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want %q", err, want)
		}
	})
}

func TestPorts(t *testing.T) {
	t.Parallel()

	t.Run("the serving port carries the handler and nothing else", func(t *testing.T) {
		t.Parallel()
		r := start(t, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "mine: "+r.RequestURI, http.StatusNotFound)
		})
		addr := r.untilReady(t)
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/vars"} {
			resp, err := r.client(t).Get("https://" + addr + path)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := body(t, resp), "mine: "+path+"\n"; got != want {
				t.Errorf("%s answers %q, want %q", path, got, want)
			}
		}
		conn, err := r.dial(t)
		if err != nil {
			t.Fatal(err)
		}
		if status, text := exchange(t, conn, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"); status != http.StatusNotFound {
			t.Errorf("OPTIONS * answers %d %q, want the handler's 404", status, text)
		}
	})

	t.Run("the health port has three paths", func(t *testing.T) {
		t.Parallel()
		r := start(t, echo)
		r.untilReady(t)
		for path, want := range map[string]int{
			"/healthz": 200, "/readyz": 200, "/metrics": 200,
			"/": 404, "/debug/pprof/": 404, "/inject/default": 404,
		} {
			if code, _ := r.health(t, path); code != want {
				t.Errorf("%s answers %d, want %d", path, code, want)
			}
		}
		if _, text := r.health(t, "/metrics"); !strings.Contains(text, "pillion_certificate_not_after_seconds") {
			t.Error("/metrics does not show our metrics")
		}
	})
}

func TestProtocols(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)

	t.Run("TLS 1.1 is rejected", func(t *testing.T) {
		t.Parallel()
		if _, err := r.dial(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
			t.Error("a handshake with TLS 1.1 succeeded")
		}
	})

	t.Run("TLS 1.2 is taken by default and rejected when 1.3 is the minimum", func(t *testing.T) {
		t.Parallel()
		only12 := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
		if _, err := r.dial(t, only12); err != nil {
			t.Error(err)
		}
		strict := start(t, echo, func(_ *running, o *Options) { o.MinTLS = tls.VersionTLS13 })
		strict.untilReady(t)
		if _, err := strict.dial(t, only12); err == nil {
			t.Error("a handshake with TLS 1.2 succeeded")
		}
		if _, err := strict.dial(t); err != nil {
			t.Error(err)
		}
	})

	t.Run("HTTP/2 is not negotiated", func(t *testing.T) {
		t.Parallel()
		conn, err := r.dial(t, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
			t.Errorf("negotiated %q, want http/1.1", got)
		}
		if _, err := r.dial(t, func(c *tls.Config) { c.NextProtos = []string{"h2"} }); err == nil {
			t.Error("a client that speaks only HTTP/2 got a connection")
		}
	})

	t.Run("HTTP/2 by prior knowledge is rejected", func(t *testing.T) {
		t.Parallel()
		conn, err := r.dial(t)
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := exchange(t, conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); status != http.StatusHTTPVersionNotSupported {
			t.Errorf("status %d, want 505", status)
		}
		wantClosed(t, conn)
	})

	t.Run("plain HTTP is rejected", func(t *testing.T) {
		t.Parallel()
		resp, err := http.Get("http://" + r.untilOpen(t))
		if err != nil {
			t.Fatal(err)
		}
		if body(t, resp); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d, want 400", resp.StatusCode)
		}
	})
}

func TestSlowClients(t *testing.T) {
	t.Parallel()

	t.Run("no client holds a connection for long, and an idle one outlives the API server's", func(t *testing.T) {
		t.Parallel()
		s := New(Options{Certificates: NewCertificates(CertificateOptions{})}).servingServer()
		if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 10*time.Second || s.WriteTimeout != 30*time.Second || s.MaxHeaderBytes != 16<<10 {
			t.Errorf("timeouts %s, %s, %s and %d header bytes, want 5s, 10s, 30s and 16384",
				s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.MaxHeaderBytes)
		}
		if s.IdleTimeout < 120*time.Second {
			t.Errorf("idle timeout %s is too near the API server's 90 s", s.IdleTimeout)
		}
	})

	// What the client sends before it falls silent, and how the server, with
	// its timeouts cut short, must end it: by a status or by closing.
	for name, c := range map[string]struct {
		sends string
		tls   bool
	}{
		"a handshake that does not begin is cut":  {"", false},
		"a header that does not end is cut":       {"POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ", true},
		"a body that does not come is cut":        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", true},
		"a request that does not begin is cut":    {"", true},
		"a chunked body that does not end is cut": {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &running{dir: t.TempDir(), leaf: issue(t), log: &journal{}, metrics: NewMetrics("test")}
			r.leaf.writeTo(t, r.dir)
			certificates := NewCertificates(CertificateOptions{Dir: r.dir, Log: r.log.logger(), Metrics: r.metrics})
			certificates.poll()
			r.Server = New(Options{
				Handler: http.HandlerFunc(echo), MaxBody: 1 << 10, Bodies: 1 << 20, Connections: 2, ConnectionsPerSource: 2,
				Certificates: certificates, Log: r.log.logger(), Metrics: r.metrics,
			})
			port, err := listen("serving", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			r.setAddrs(port.Addr(), nil)
			doorway, server := r.doorway(port), r.servingServer()
			const short = 2 * time.Second // enough for a handshake on a busy machine
			doorway.patience, server.ReadHeaderTimeout, server.ReadTimeout = short, short, short
			go doorway.run()
			go func() { _ = server.Serve(doorway) }()
			t.Cleanup(func() { _ = server.Close() })

			var conn net.Conn
			if c.tls {
				conn, err = r.dial(t)
			} else {
				conn, err = net.Dial("tcp", port.Addr().String())
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.sends); err != nil {
				t.Fatal(err)
			}
			wantClosed(t, conn)
		})
	}

	t.Run("a header that is too large is rejected", func(t *testing.T) {
		t.Parallel()
		r := start(t, echo)
		r.untilReady(t)
		conn, err := r.dial(t)
		if err != nil {
			t.Fatal(err)
		}
		request := "GET / HTTP/1.1\r\nHost: a\r\nX-Large: " + strings.Repeat("x", 80<<10) + "\r\n\r\n"
		if status, _ := exchange(t, conn, request); status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want 431", status)
		}
	})
}

// exchange sends raw text and returns status and body of the answer.
func exchange(t *testing.T, conn net.Conn, request string) (int, string) {
	t.Helper()
	go func() { _, _ = io.WriteString(conn, request) }() // the server may answer before it has read everything
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body(t, resp)
}

// wantClosed fails the test unless the server ends the connection.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("waited a minute in vain for the server to close the connection")
	}
}
