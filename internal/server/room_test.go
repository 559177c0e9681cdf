// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// from connects from an address of 127.0.0.0/8 and shakes hands.
func (r *running) from(t *testing.T, address string) (*tls.Conn, error) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: time.Minute}
	conn, err := tls.DialWithDialer(dialer, "tcp", r.untilOpen(t), r.tls())
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func (r *running) mustFrom(t *testing.T, address string) *tls.Conn {
	t.Helper()
	conn, err := r.from(t, address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends a request and returns its answer, read whole.
func ask(t *testing.T, conn net.Conn, request string) *http.Response {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	body(t, resp)
	return resp
}

const goodRequest = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"

// limits sets the number of connections, and how long an unused one may stay.
func limits(most, perSource int, patience time.Duration) func(*running, *Options) {
	return func(r *running, o *Options) {
		o.Connections, o.ConnectionsPerSource = most, perSource
		r.before = func(s *Server) { s.patience = patience }
	}
}

func (r *running) turned(t *testing.T, port string, why turnedAway) int {
	t.Helper()
	return int(sample(t, r.metrics, fmt.Sprintf("pillion_connections_turned_away_total{port=%q,reason=%q}", port, why)))
}

// keep answers a review on a connection, which has to stay open.
func keep(t *testing.T, conn net.Conn) {
	t.Helper()
	if resp := ask(t, conn, goodRequest); resp.StatusCode != http.StatusOK || resp.Close {
		t.Errorf("status %d, close %v; want 200 and an open connection", resp.StatusCode, resp.Close)
	}
}

func TestAllButGoodReviewsCloseTheirConnection(t *testing.T) {
	t.Parallel()
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	})
	addr := r.untilReady(t)
	for _, status := range []int{200, 204, 301, 400, 404, 405, 413, 415, 500, 503} {
		resp, err := r.client(t).Get(fmt.Sprintf("https://%s/%d", addr, status))
		if err != nil {
			t.Fatal(err)
		}
		body(t, resp)
		if want := status != http.StatusOK; resp.Close != want {
			t.Errorf("the answer %d closes its connection: %v, want %v", status, resp.Close, want)
		}
	}
}

func TestOneSourceHasALimit(t *testing.T) {
	t.Parallel()
	r := start(t, echo, limits(16, 4, time.Hour))
	r.untilReady(t)
	var mine []*tls.Conn
	for range 4 {
		mine = append(mine, r.mustFrom(t, "127.3.0.1"))
	}
	if _, err := r.from(t, "127.3.0.1"); err == nil {
		t.Error("a fifth connection of the source got a place")
	}
	if got := r.turned(t, "serving", ofSource); got != 1 {
		t.Errorf("%d connections are counted as turned away for their source, want 1", got)
	}
	keep(t, r.mustFrom(t, "127.3.0.2"))
	keep(t, mine[0])
	_ = mine[1].Close()
	eventually(t, "the place is given back", func() bool { return r.room.count() == 4 })
	keep(t, r.mustFrom(t, "127.3.0.1"))
}

// Behind one address there can be all API servers, and somebody else.
func TestASourceWithReviewsIsNotLockedOut(t *testing.T) {
	t.Parallel()
	r := start(t, echo, limits(16, 4, time.Hour))
	r.untilReady(t)
	apiserver := r.mustFrom(t, "127.3.0.1")
	keep(t, apiserver)
	var others []*tls.Conn
	for range 3 {
		others = append(others, r.mustFrom(t, "127.3.0.1"))
	}
	for range 10 {
		ask(t, r.mustFrom(t, "127.3.0.1"), goodRequest)
	}
	wantClosed(t, others[0])
	keep(t, apiserver)
}

func TestAFullPortMakesRoom(t *testing.T) {
	t.Parallel()
	r := start(t, echo, limits(8, 4, time.Hour))
	r.untilReady(t)
	apiserver := r.mustFrom(t, "127.3.0.1")
	keep(t, apiserver)
	unused := r.mustFrom(t, "127.3.0.1") // as an API server has them in its pool
	var idle []*tls.Conn
	for i := range 6 {
		idle = append(idle, r.mustFrom(t, fmt.Sprintf("127.3.0.%d", 2+i)))
	}
	if got := r.turned(t, "serving", displaced); got != 0 {
		t.Fatalf("%d connections had to make way, and there was room", got)
	}
	for i := range 20 { // in a flood, new callers are served
		if resp := ask(t, r.mustFrom(t, fmt.Sprintf("127.4.0.%d", 1+i)), goodRequest); resp.StatusCode != http.StatusOK {
			t.Errorf("caller %d: status %d", i, resp.StatusCode)
		}
	}
	wantClosed(t, idle[0])
	keep(t, apiserver)
	if resp := ask(t, unused, goodRequest); resp.StatusCode != http.StatusOK {
		t.Errorf("the unused connection: status %d", resp.StatusCode)
	}
	if got := r.room.count(); got > 8 {
		t.Errorf("%d connections are open, want at most 8", got)
	}
}

// One half of the room is for new connections, whichever sources have had good reviews.
func TestKeptConnectionsHaveALimit(t *testing.T) {
	t.Parallel()
	r := start(t, echo, limits(8, 4, time.Hour))
	r.untilReady(t)
	var kept []*tls.Conn
	for i := range 10 {
		conn := r.mustFrom(t, fmt.Sprintf("127.3.0.%d", 1+i/3))
		resp := ask(t, conn, goodRequest)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("review %d: status %d", i, resp.StatusCode)
		}
		if !resp.Close {
			kept = append(kept, conn)
		}
	}
	if len(kept) != 4 {
		t.Errorf("%d connections are kept, want half of 8", len(kept))
	}
	for _, conn := range kept {
		keep(t, conn)
	}
}

func TestAnUnusedConnectionEnds(t *testing.T) {
	t.Parallel()
	const patience = 2 * time.Second // enough for a handshake on a busy machine
	r := start(t, echo, limits(8, 8, patience))
	r.untilReady(t)
	apiserver := r.mustFrom(t, "127.3.0.1")
	keep(t, apiserver)
	pooled := r.mustFrom(t, "127.3.0.1")
	other := r.mustFrom(t, "127.3.0.2")
	wantClosed(t, other)
	// These are older, and may be needed.
	keep(t, apiserver)
	keep(t, pooled)
}

func TestTheHealthPortHasALimit(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)
	_, address := r.Addrs()
	from := func(ip string) net.Conn {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: time.Minute}
		conn, err := dialer.Dial("tcp", address.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	for i := range 2 * healthConnections {
		from(fmt.Sprintf("127.3.0.%d", 1+i%3))
	}
	eventually(t, "those over the limit of their source are closed", func() bool { return r.turned(t, "health", ofSource) > 0 })
	for i := range 2 * healthConnections { // each its own source
		from(fmt.Sprintf("127.4.0.%d", 1+i))
	}
	for range 3 {
		resp := ask(t, from("127.3.1.1"), "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
		if resp.StatusCode != http.StatusOK || !resp.Close {
			t.Errorf("a probe in a flood: status %d, close %v; want 200 and a closed connection", resp.StatusCode, resp.Close)
		}
	}
}

func TestTheHealthPortRepeatsNoPath(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	for _, path := range []string{"/x/../" + strings.Repeat("x", 3<<10), "//" + strings.Repeat("<", 1<<10), "/" + strings.Repeat("x", 3<<10)} {
		if code, text := r.health(t, path); code != http.StatusNotFound || len(text) > 100 {
			t.Errorf("a path of %d bytes is answered with %d and %d bytes, want 404 and a line", len(path), code, len(text))
		}
	}
}

// What an API server opens at once is more than each of many addresses has.
func TestManyAddressesDoNotCrowdOutASourceWithReviews(t *testing.T) {
	t.Parallel()
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Connection", "close")
	}, limits(16, 8, time.Hour))
	r.untilReady(t)
	// It has no connection any more, as one whose reviews are beyond what is kept.
	ask(t, r.mustFrom(t, "127.3.0.1"), goodRequest)
	eventually(t, "its connection is gone", func() bool { return r.room.count() == 0 })
	for i := range 16 {
		r.mustFrom(t, fmt.Sprintf("127.4.0.%d", 1+i))
	}
	var burst []*tls.Conn
	for range 6 {
		burst = append(burst, r.mustFrom(t, "127.3.0.1"))
	}
	for i := range 40 {
		r.mustFrom(t, fmt.Sprintf("127.4.1.%d", 1+i))
	}
	for _, conn := range burst {
		if resp := ask(t, conn, goodRequest); resp.StatusCode != http.StatusOK {
			t.Errorf("a review in a flood: status %d", resp.StatusCode)
		}
	}
}

// Addresses that had a good review once are not remembered without end.
func TestSourcesWithoutConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	r := newRoom(8, 8, func(turnedAway) {})
	for i := range 1000 {
		c := &conn{room: r, from: netip.AddrFrom4([4]byte{127, 3, byte(i >> 8), byte(i)}), accepted: time.Now()}
		if leaves, _ := r.enter(c); leaves != nil {
			t.Fatalf("connection %d is alone and got no place", i)
		}
		c.prove()
		r.remove(c)
	}
	if n := len(r.sources); n > 16 {
		t.Errorf("%d sources are remembered, want at most 16", n)
	}
}

// A probe whose connection is the oldest one is answered, if its source has had an answer before.
func TestAProbeIsNotDisplacedByConnectionsThatAskNothing(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)
	_, address := r.Addrs()
	from := func(ip string) net.Conn {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: time.Minute}
		conn, err := dialer.Dial("tcp", address.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	const probe = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
	ask(t, from("127.3.1.1"), probe)
	slow := from("127.3.1.1")
	for i := range 3 * healthConnections { // each its own source
		from(fmt.Sprintf("127.4.0.%d", 1+i))
	}
	eventually(t, "the flood is there", func() bool { return r.turned(t, "health", displaced) > healthConnections })
	if resp := ask(t, slow, probe); resp.StatusCode != http.StatusOK {
		t.Errorf("a probe in a flood: status %d, want 200", resp.StatusCode)
	}
}
