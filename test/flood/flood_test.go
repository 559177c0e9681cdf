// SPDX-License-Identifier: Apache-2.0

//go:build linux

package flood

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	idleConnections = 10_000
	hostileCallers  = 8
	honestCallers   = 4
	ramp            = 10 * time.Second // in which the idle connections come
	lasts           = 30 * time.Second
	pause           = 10 * time.Second // until a connection that was closed is opened again
	mostMiB         = 128
)

// scenario is how the idle connections come about.
type scenario struct {
	name    string
	sources int  // addresses that they come from
	forge   bool // each sends a review first, so that it is kept
}

// TestMeasureAFlood holds thousands of connections and sends reviews of 3 MB that mean
// harm, while an API server's client sends its own.
func TestMeasureAFlood(t *testing.T) {
	if os.Getenv("FLOOD_MEASURE") == "" {
		t.Skip("it takes minutes and both processors; FLOOD_MEASURE=1 asks for it")
	}
	binary := build(t)
	fmt.Println("| | idle connections held, of 10,000 | peak, MiB | reviews served | of them failed | p50, ms | p99, ms | hostile reviews answered | log, KiB/s |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, s := range []scenario{
		{name: "one address", sources: 1},
		{name: "100 addresses", sources: 100},
		{name: "100 addresses, each connection with a review", sources: 100, forge: true},
	} {
		t.Run(s.name, func(t *testing.T) { s.measure(t, run(t, binary)) })
	}
}

func (s scenario) measure(t *testing.T, w *webhook) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var group sync.WaitGroup
	var held, hostile atomic.Int64
	for i := range idleConnections {
		from := fmt.Sprintf("127.1.0.%d", 1+i%s.sources)
		group.Go(func() {
			sleep(ctx, ramp*time.Duration(i)/idleConnections)
			s.idle(ctx, w, from, &held)
		})
	}
	bodies := hostileBodies()
	for i := range hostileCallers {
		from := fmt.Sprintf("127.2.0.%d", 1+i)
		group.Go(func() {
			c := w.client(from)
			defer c.CloseIdleConnections()
			for n := i; ctx.Err() == nil; n++ {
				if _, _, err := w.post(ctx, c, bodies[n%len(bodies)]); err == nil {
					hostile.Add(1)
				}
			}
		})
	}
	var mu sync.Mutex
	var took []time.Duration
	var failures []string
	honest := w.client("127.0.0.1")
	defer honest.CloseIdleConnections()
	for range honestCallers {
		group.Go(func() {
			for ctx.Err() == nil {
				before := time.Now()
				err := w.review(honest)
				mu.Lock()
				took = append(took, time.Since(before))
				if err != nil {
					failures = append(failures, err.Error())
				}
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	<-ctx.Done()
	still := held.Load()
	peak := w.memory(t, "VmHWM")
	group.Wait()
	if slices.Sort(took); len(took) == 0 {
		t.Fatal("this machine is too busy: no review was sent")
	}
	fmt.Printf("| %s | %d | %.0f | %d | %d | %.1f | %.1f | %d | %.0f |\n", s.name, still, peak, len(took), len(failures),
		millis(took[len(took)/2]), millis(took[len(took)*99/100]), hostile.Load(), float64(w.logBytes.Load())/1024/lasts.Seconds())
	if len(failures) > 0 {
		t.Errorf("%d of %d reviews failed, such as: %s", len(failures), len(took), failures[0])
	}
	if peak > mostMiB {
		t.Errorf("the peak is %.0f MiB, want at most %d", peak, mostMiB)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// review sends a review of a pod as an API server does, which comes again for a 503 with
// Retry-After (k8s.io/client-go/rest, with_retry.go).
func (w *webhook) review(c *http.Client) error {
	const tries = 10
	for i := range tries {
		status, _, err := w.post(context.Background(), c, []byte(goodReview))
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		case status != http.StatusServiceUnavailable || i == tries-1:
			return fmt.Errorf("status %d", status)
		}
		time.Sleep(time.Second)
	}
	return nil
}

// idle opens a connection, and another one when it is closed.
func (s scenario) idle(ctx context.Context, w *webhook, from string, held *atomic.Int64) {
	request := fmt.Sprintf("POST /inject/default HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(goodReview), goodReview)
	for ctx.Err() == nil {
		conn, err := w.connect(ctx, from)
		if err == nil {
			held.Add(1)
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			if s.forge {
				_, _ = conn.Write([]byte(request))
			}
			for err == nil {
				_, err = conn.Read(make([]byte, 4<<10))
			}
			if ctx.Err() == nil {
				held.Add(-1)
			}
			stop()
			_ = conn.Close()
		}
		sleep(ctx, pause)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

const goodPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`

var goodReview = reviewOf("705ab4f5-6393-11e8-b7cc-42010a800002", goodPod)

func reviewOf(uid, pod string) string {
	return fmt.Sprintf(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"%s",`+
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},`+
		`"name":"web","namespace":"site","operation":"CREATE","userInfo":{"username":"alice"},"object":%s,"oldObject":null,"dryRun":false}}`, uid, pod)
}

// hostileBodies are 3 MB each.
func hostileBodies() [][]byte {
	const size = 3_000_000
	long := strings.Repeat("\x7f", size)
	fill := func(one string) string { return strings.TrimSuffix(strings.Repeat(one+",", size/(len(one)+1)), ",") }
	pod := func(spec string) string {
		return `{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{` + spec + `}}`
	}
	var all [][]byte
	for _, body := range []string{
		strings.Replace(goodReview, "admission.k8s.io/v1", long, 1),
		reviewOf(long, goodPod),
		strings.Replace(goodReview, `"site"`, `"`+long+`"`, 1),
		reviewOf("1", pod(`"containers":[`+fill(`{"name":"web","image":"nginx"}`)+`]`)),
		reviewOf("2", pod(`"containers":[{"name":"web","env":[`+fill(`{"name":"A","value":"b"}`)+`]}]`)),
		reviewOf("3", pod(`"containers":[{"name":"web","volumeMounts":[`+fill(`{"name":"a","mountPath":"/b"}`)+`]}]`)),
		reviewOf("4", pod(`"containers":[{"name":"web","command":[`+fill(`"a"`)+`]}]`)),
		reviewOf("5", pod(`"containers":[{"name":"web"}],"volumes":[`+fill(`{"name":"a"}`)+`]`)),
		reviewOf("6", `{"metadata":{"annotations":{`+fill(`"a":"b"`)+`}}}`),
		reviewOf("7", `{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"`+long+`"}},"spec":{"containers":[{"name":"web"}]}}`),
		strings.Repeat("[", size),
		`{` + fill(`"a":{}`),
	} {
		all = append(all, []byte(body))
	}
	return all
}
