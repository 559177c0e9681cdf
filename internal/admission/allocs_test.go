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
)

// How often each of the measured reviews allocates at most, the recorder of the answer
// counted: the first pod of a template, and its replicas. It is the same each time but for
// the pools, which the garbage collector empties: the limits are what was counted and a few.
// Who needs fewer lowers them.
var mostAllocs = map[string]struct{ first, replica float64 }{
	"small":         {345, 20},
	"containers=20": {965, 22},
	"nothing-asked": {55, 20},
	"already-there": {165, 20},
}

// Not parallel: what other tests allocate would be counted.
func TestReviewsAllocateNoMoreThanTheyDid(t *testing.T) { //nolint:paralleltest // see above
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for name, body := range benchReviews(t) {
		handler := podHandler()
		handler.replicas = nil
		first := allocations(handler, body)
		replica := allocations(podHandler(), body)
		t.Logf("%s: %.0f allocations, of a replica %.0f", name, first, replica)
		if most := mostAllocs[name]; first > most.first || replica > most.replica {
			t.Errorf("%s: %.0f allocations, of a replica %.0f; the limits are %.0f and %.0f", name, first, replica, most.first, most.replica)
		}
	}
}

func allocations(handler http.Handler, body []byte) float64 {
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/inject/default", nil)
	r.SetPathValue("policy", "default")
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = io.NopCloser(reader), int64(len(body))
	return testing.AllocsPerRun(200, func() {
		reader.Reset(body)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	})
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
