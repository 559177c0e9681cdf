// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// NewHandler serves reviews of pods, which it may change or deny, at POST
// /inject/<policy>; and of workloads, namespaces and further objects, whose authors it may
// warn and nothing else, at POST /warn/<policy>, POST /namespace and POST /object.
func NewHandler(o Options) http.Handler {
	o = o.complete()
	mux, turns := http.NewServeMux(), newTurns()
	for pattern, e := range map[string]endpoint{
		"/inject/{policy}": {"pod", newPods, decodePod, (*handler).reviewPod, o.Observe, newReplicas()},
		"/warn/{policy}":   {"workload", workloads, decodeReview, (*handler).reviewWorkload, o.ObserveWarn, nil},
		"/namespace":       {"namespace", namespaces, decodeReview, (*handler).reviewNamespace, o.ObserveWarn, nil},
		"/object":          {"object", objects, decodeReview, (*handler).reviewObject, o.ObserveWarn, nil},
	} {
		mux.Handle("POST "+pattern, &handler{Options: o, endpoint: e, injector: inject.Injector{Version: o.Version}, turns: turns})
	}
	return canonical(mux)
}

// canonical answers 404 to a path for which ServeMux would have a redirect, which holds the
// path twice. No API server follows one.
func canonical(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Clean(r.URL.Path) != r.URL.Path {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// ServeHTTP answers one review. It is the only place where a failure becomes an HTTP
// status, and where a panic ends.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	policy := r.PathValue("policy")
	if h.Policies[policy] == nil {
		policy = inject.NoPolicy // as a label it has to be of a closed set
	}
	defer func() {
		if value := recover(); value != nil {
			h.fail(w, policy, start, h.panicked(policy, value))
		}
	}()
	m := newMemory()
	defer m.release()
	if err := h.read(r, m); err != nil {
		h.fail(w, policy, start, err)
		return
	}
	req, decided, err := h.answer(r.PathValue("policy"), m)
	if err != nil {
		h.fail(w, policy, start, err)
		return
	}
	h.done(r.Context(), req, decided, start)
	m.answered()
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(m.answer))) // or it is sent in chunks
	_, _ = w.Write(m.answer)                                      // the caller is gone; there is no one left to answer
}

// answer leaves the answer to the review in the memory.
func (h *handler) answer(policy string, m *memory) (*request, *account, error) {
	if req, known := h.replicas.find(policy, m.body); known != nil {
		m.answer = known.answer(m.answer[:0], req.UID)
		return req, &known.account, nil
	}
	defer h.turns.wait(len(m.body))()
	req, err := h.decode(m, h.check)
	if err != nil {
		return nil, nil, malformed(http.StatusBadRequest, err)
	}
	if known := h.replicas.findView(policy, m.key); known != nil {
		m.answer = known.answer(m.answer[:0], req.UID)
		decided := known.account
		decided.generateName = generated(req.pod)
		h.replicas.keep(policy, m, req, &decided)
		return req, &decided, nil
	}
	out, response, err := h.review(h, req, policy)
	if err != nil {
		return nil, nil, err
	}
	if m.answer, err = encodeReview(m.answer[:0], response); err != nil {
		return nil, nil, err
	}
	decided := out.account()
	if response.Allowed && !repeatsDrawnName(&out) {
		h.replicas.keepView(policy, m, req, decided)
		h.replicas.keep(policy, m, req, decided)
	}
	return req, decided, nil
}

const jsonType = "application/json"

// read takes the body from the request. Its size is bounded by the server.
func (*handler) read(r *http.Request, m *memory) error {
	if is := r.Header.Get("Content-Type"); is != jsonType {
		if media, _, _ := mime.ParseMediaType(is); media != jsonType {
			return malformed(http.StatusUnsupportedMediaType, fmt.Errorf("got Content-Type %q; expected application/json", jsonscan.Shown(media)))
		}
	}
	body, err := readBody(r, m.body[:0])
	m.body = body
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return malformed(http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit))
	}
	if err != nil {
		// The caller has broken off, or the server has no room for the body.
		return &failure{status: http.StatusServiceUnavailable, reason: reason.ReviewNotRead, err: fmt.Errorf("reading the body: %w", err), retry: true}
	}
	return nil
}

// readBody reads the body into a buffer, which grows with what has arrived, up to what was
// announced: an announcement alone allocates nothing.
func readBody(r *http.Request, buffer []byte) ([]byte, error) {
	const first = 8 << 10 // most reviews fit
	buffer = slices.Grow(buffer, first)
	for {
		n, err := r.Body.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
		if have := len(buffer); have == cap(buffer) {
			more := have
			if left := r.ContentLength - int64(have); left >= 0 && left < int64(more) {
				more = int(left) + 1 // for the read that finds the end
			}
			buffer = append(make([]byte, 0, have+more), buffer...)
		}
	}
}
