// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

func TestBudgetOfBodies(t *testing.T) {
	t.Parallel()
	r := start(t, echo, func(_ *running, o *Options) { o.MaxBody, o.Bodies = 1<<20, 2<<20 })
	r.untilReady(t)

	// A client that has sent most of a large body and stalls.
	const large = 1 << 20
	stalled, err := r.dial(t)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(stalled, "POST /inject/default HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", large, strings.Repeat("x", large-1))
	eventually(t, "the stalled body is held", func() bool { return r.bodies.held.Load() == charged(large-1) })

	resp, _ := r.post(t, r.client(t), strings.Repeat("x", large))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || !resp.Close {
		t.Errorf("a second large body: status %d, Retry-After %q, close %v; want 503, 1, true", resp.StatusCode, resp.Header.Get("Retry-After"), resp.Close)
	}
	if got := sample(t, r.metrics, "pillion_requests_shed_total"); got != 1 {
		t.Errorf("%v requests counted as shed, want 1", got)
	}
	if resp, text := r.post(t, r.client(t), "a pod"); text != "a pod" {
		t.Errorf("a small body beside it: status %d, %q", resp.StatusCode, text)
	}

	fmt.Fprint(stalled, "x")
	eventually(t, "what was held is given back", func() bool { return r.bodies.held.Load() == 0 })
	if resp, _ := r.post(t, r.client(t), strings.Repeat("x", large)); resp.StatusCode != http.StatusOK {
		t.Errorf("a large body afterwards: status %d, want 200", resp.StatusCode)
	}
}

// Its own counter tells of it; as a malformed review it would be an alert about somebody else.
func TestAReviewThatIsTurnedAwayIsNotMalformed(t *testing.T) {
	t.Parallel()
	r := start(t, nil, func(r *running, o *Options) {
		p := policy.Builtin()
		o.MaxBody = 1 << 20
		o.Handler = admission.NewHandler(admission.Options{Policies: map[string]*inject.Policy{p.Name: p}, Observe: r.metrics.Observe})
	})
	r.untilReady(t)
	r.bodies.held.Store(r.bodies.most)
	resp, text := r.post(t, r.client(t), strings.Repeat(" ", freeBody+1))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || !resp.Close {
		t.Errorf("status %d, Retry-After %q, close %v; want 503, 1, true", resp.StatusCode, resp.Header.Get("Retry-After"), resp.Close)
	}
	if want := `"message":"pillion: reading the body: the replica holds as many request bodies and answers as it may"`; !strings.Contains(text, want) {
		t.Errorf("the answer lacks %s, which kubectl would show: %s", want, text)
	}
	if got := sample(t, r.metrics, `pillion_admission_requests_total{policy="default",reason="ReviewNotRead",result="Failed"}`); got != 1 {
		t.Errorf("%v reviews counted as not read, want 1", got)
	}
}

// Whatever others hold, from the same address or not, a pod is reviewed.
func TestStalledBodiesLeaveRoomToPods(t *testing.T) {
	t.Parallel()
	r := start(t, echo, func(_ *running, o *Options) { o.MaxBody, o.Bodies = 1<<20, 2<<20 })
	r.untilReady(t)
	for range 10 { // each is small, and together they are more than the room
		conn := r.mustFrom(t, "127.0.0.1")
		fmt.Fprintf(conn, "POST /inject/default HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", smallBody, strings.Repeat("x", smallBody-1))
	}
	eventually(t, "the room is filled", func() bool { return r.bodies.held.Load() > r.bodies.most-smallBody })
	r.bodies.held.Store(r.bodies.most) // to the last byte
	pod := strings.Repeat("x", freeBody/2)
	if resp, text := r.post(t, r.client(t), pod); resp.StatusCode != http.StatusOK || text != pod {
		t.Errorf("a body of %d bytes, with an answer as long: status %d, want 200", len(pod), resp.StatusCode)
	}
}

// An answer can be many times as long as its review, and a client that does not read it makes us hold it.
func TestAnswersThatNobodyReadsAreInTheBudget(t *testing.T) {
	t.Parallel()
	answer := strings.Repeat("x", 8<<20) // more than the kernel buffers
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	}, func(_ *running, o *Options) { o.Bodies = 20 << 20 })
	r.untilReady(t)
	var unread []io.Closer
	for range 2 {
		conn := r.mustFrom(t, "127.3.0.1")
		if _, err := io.WriteString(conn, goodRequest); err != nil {
			t.Fatal(err)
		}
		unread = append(unread, conn)
	}
	eventually(t, "both answers are held", func() bool { return r.bodies.held.Load() > 16<<20-2*freeBody })
	resp := ask(t, r.mustFrom(t, "127.3.0.1"), goodRequest)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || !resp.Close {
		t.Errorf("a third answer: status %d, Retry-After %q, close %v; want 503, 1, true", resp.StatusCode, resp.Header.Get("Retry-After"), resp.Close)
	}
	for _, c := range unread {
		_ = c.Close()
	}
	eventually(t, "what was held is given back", func() bool { return r.bodies.held.Load() == 0 })
	if resp := ask(t, r.mustFrom(t, "127.3.0.1"), goodRequest); resp.StatusCode != http.StatusOK {
		t.Errorf("an answer afterwards: status %d, want 200", resp.StatusCode)
	}
}

func TestABodyThatIsThereWholeIsNotTurnedAwayAtItsEnd(t *testing.T) {
	t.Parallel()
	b := budget{most: 2 * smallBody}
	body := &budgeted{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", smallBody))), budget: &b}
	if _, err := io.ReadFull(body, make([]byte, smallBody)); err != nil {
		t.Fatal(err)
	}
	body.size++                 // it is a large one
	b.held.Store(2 * smallBody) // and small ones have the rest of the room by now
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the end of the body is told as %v, want %v", err, io.EOF)
	}
	if body.full {
		t.Error("the request is turned away, though nothing more of it is to be held")
	}
}

func TestDistrust(t *testing.T) {
	t.Parallel()
	r := start(t, echo)
	r.untilReady(t)
	for range 2 {
		if _, err := r.dial(t, func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }); err == nil {
			t.Fatal("a client without our CA connected")
		}
	}
	eventually(t, "both are counted and told", func() bool {
		return sample(t, r.metrics, "pillion_certificate_untrusted_total") == 2 && strings.Count(r.log.String(), "level=WARN") == 2
	})
	if !strings.Contains(r.log.String(), "caBundle in the webhook configuration is not its CA") {
		t.Errorf("log:\n%s", r.log)
	}
}
