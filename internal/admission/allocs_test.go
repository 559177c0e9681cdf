// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// How often each of the measured reviews allocates at most, the recorder of the answer
// counted. It is the same each time but for the pools, which the garbage collector empties:
// the limits are what was counted and a few. Who needs fewer lowers them.
var mostAllocs = map[string]float64{
	"small":         332,
	"containers=20": 944,
	"nothing-asked": 42,
	"already-there": 316,
}

// Not parallel: what other tests allocate would be counted.
func TestReviewsAllocateNoMoreThanTheyDid(t *testing.T) { //nolint:paralleltest // see above
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	p := policy.Builtin()
	handler := NewHandler(Options{Policies: map[string]*inject.Policy{p.Name: p}, Version: "v0.0.0"})
	for name, body := range benchReviews(t) {
		reader := bytes.NewReader(body)
		r := httptest.NewRequest(http.MethodPost, "/inject/default", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(reader), int64(len(body))
		got := testing.AllocsPerRun(200, func() {
			reader.Reset(body)
			handler.ServeHTTP(httptest.NewRecorder(), r)
		})
		t.Logf("%s: %.0f allocations", name, got)
		if most := mostAllocs[name]; got > most {
			t.Errorf("%s: %.0f allocations, the limit is %.0f", name, got, most)
		}
	}
}

// Reviews at the same time use each other's memory, one after the other. No answer may
// hold a part of another's pod.
func TestAnswersDoNotMix(t *testing.T) {
	t.Parallel()
	const pods, rounds = 8, 50
	e := builtinEdge()
	var bodies, answers [pods][]byte
	for i := range pods {
		ask := fmt.Sprintf(`"git-poller.pillion.dev/repo":"https://github.com/acme/site-%d.git","git-poller.pillion.dev/mount-path":"/srv/%d"`, i, i)
		if i%4 == 3 {
			ask = fmt.Sprintf(`"git-poller.pillion.dev/repo":"wrong-%d"`, i)
		}
		bodies[i] = reviewOf(benchPod(ask, 1+i, i, 1000*i)) // of all sizes
		answers[i] = bytes.Clone(e.post("/inject/default", bodies[i]).Body.Bytes())
	}
	var group sync.WaitGroup
	for i := range pods {
		group.Go(func() {
			quiet := builtinEdge() // an edge records what it observes, for one test at a time
			for range rounds {
				if diff := cmp.Diff(string(answers[i]), quiet.post("/inject/default", bodies[i]).Body.String()); diff != "" {
					t.Errorf("pod %d (-alone +among others):\n%s", i, diff)
					return
				}
			}
		})
	}
	group.Wait()
}
