// SPDX-License-Identifier: Apache-2.0

package scrape

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// read reads the metrics; "" if nobody serves them.
func read(address string) string {
	r, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return string(body)
}

// serve serves a new registry until the function that it returns is called.
func serve(t *testing.T) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Serve(ctx, NewRegistry(), address, slog.New(slog.DiscardHandler))
	}()
	for read(address) == "" && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	return address, func() {
		cancel()
		<-ended
	}
}

func TestMetricsAreServedUntilTheEnd(t *testing.T) {
	t.Parallel()
	address, stop := serve(t)
	text := read(address)
	for _, want := range []string{`pillion_build_info{goversion="go`, "process_resident_memory_bytes ", "process_start_time_seconds "} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics have no %s:\n%s", want, text)
		}
	}
	stop()
	if read(address) != "" {
		t.Error("it still serves")
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	families, err := NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// Connections beyond the cap wait, and are served when others end.
func TestTheNumberOfConnectionsIsBounded(t *testing.T) {
	t.Parallel()
	address, stop := serve(t)
	defer stop()
	connect := func() net.Conn {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	idle := make([]net.Conn, maxConnections)
	for i := range idle {
		idle[i] = connect()
	}
	late := connect()
	if _, err := io.WriteString(late, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = late.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := late.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a connection beyond the cap is served")
	}
	for _, conn := range idle {
		conn.Close()
	}
	_ = late.SetReadDeadline(time.Now().Add(5 * time.Minute))
	response, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil || response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("after the others ended: %+v, %v; want 200 and the connection closed", response, err)
	}
}

// A port that is taken costs the metrics and not the helper's work.
func TestAPortThatIsTakenIsSaidAndWaitedFor(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ctx, stop := context.WithCancel(t.Context())
	said := &firstWrite{done: stop}
	Serve(ctx, NewRegistry(), taken.Addr().String(), slog.New(slog.NewTextHandler(said, nil))) // it returns because of stop
	if got := said.text; !strings.Contains(got, "metrics cannot be served; choose another metrics-port") || !strings.Contains(got, "address already in use") || !strings.Contains(got, "retryIn=30s") {
		t.Errorf("it says %q", got)
	}
}

// firstWrite keeps what is written first, and calls done.
type firstWrite struct {
	text string
	done func()
}

func (f *firstWrite) Write(p []byte) (int, error) {
	f.text = string(p)
	f.done()
	return len(p), nil
}
