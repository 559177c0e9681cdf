// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Options are what a handler needs. All fields but Log and the Observes are required.
type Options struct {
	// Policies by name; a request picks one by its path, /inject/<name>.
	Policies map[string]*inject.Policy
	// Version goes into the status of each pod.
	Version string
	// Log gets one line for each decision. It never holds a pod's spec, a value of an
	// annotation or an environment variable.
	Log *slog.Logger
	// Observe counts a decision on a pod, ObserveWarn an answer to the author of a
	// workload or a namespace. All arguments are of closed sets.
	Observe, ObserveWarn func(policy, result, reason string, d time.Duration)
}

// NewHandler serves reviews of pods, which it may change or refuse, at POST
// /inject/<policy>; and of workloads, namespaces and further objects, whose authors it may
// warn and nothing else, at POST /warn/<policy>, POST /namespace and POST /object.
func NewHandler(o Options) http.Handler {
	o = o.complete()
	mux, large := http.NewServeMux(), new(sync.Mutex)
	for pattern, e := range map[string]endpoint{
		"/inject/{policy}": {"pod", newPods, (*handler).reviewPod, o.Observe},
		"/warn/{policy}":   {"workload", workloads, (*handler).reviewWorkload, o.ObserveWarn},
		"/namespace":       {"namespace", namespaces, (*handler).reviewNamespace, o.ObserveWarn},
		"/object":          {"object", objects, (*handler).reviewObject, o.ObserveWarn},
	} {
		mux.Handle("POST "+pattern, &handler{Options: o, endpoint: e, injector: inject.Injector{Version: o.Version}, large: large})
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

// complete gives the options that are not required a value.
func (o Options) complete() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	nobody := func(string, string, string, time.Duration) {}
	if o.Observe == nil {
		o.Observe = nobody
	}
	if o.ObserveWarn == nil {
		o.ObserveWarn = nobody
	}
	return o
}

// endpoint is what differs between the reviews of pods, workloads and namespaces.
type endpoint struct {
	what    string // of the log line
	check   func(*request) error
	review  func(*handler, *request, string) (Outcome, *admissionv1.AdmissionResponse, error)
	observe func(policy, result, reason string, d time.Duration)
}

type handler struct {
	Options
	endpoint
	injector inject.Injector
	large    *sync.Mutex // held while a review of unusual size is decided on; one for all endpoints
}

// failure is an error with the HTTP status that it is answered with.
type failure struct {
	status int
	reason reason.Reason
	err    error
	retry  bool // another replica may do better
}

func (f *failure) Error() string { return f.err.Error() }

func malformed(status int, err error) *failure {
	return &failure{status: status, reason: reason.MalformedReview, err: err}
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
	m := memories.Get().(*memory) //nolint:errcheck // the pool holds nothing else
	defer m.release()
	req, err := h.read(r, m)
	if err != nil {
		h.fail(w, policy, start, err)
		return
	}
	if len(m.body) > usual {
		h.large.Lock()
		defer h.large.Unlock()
	}
	out, response, err := h.review(h, req, r.PathValue("policy"))
	if err != nil {
		h.fail(w, policy, start, err)
		return
	}
	m.answer, err = encodeReview(m.answer[:0], response)
	if err != nil {
		h.fail(w, policy, start, err)
		return
	}
	h.done(r.Context(), req, out, start)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(m.answer) // the caller is gone; there is nobody left to tell
}

// read takes the review from the request. The size of the body is bounded by the server.
func (h *handler) read(r *http.Request, m *memory) (*request, error) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return nil, malformed(http.StatusUnsupportedMediaType, fmt.Errorf("got Content-Type %q; expected application/json", jsonscan.Shown(media)))
	}
	body, err := readBody(r, m.body[:0])
	m.body = body
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, malformed(http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit))
	}
	if err != nil {
		// The caller has broken off, or the server has no room for the body.
		return nil, &failure{status: http.StatusServiceUnavailable, reason: reason.ReviewNotRead, err: fmt.Errorf("reading the body: %w", err), retry: true}
	}
	req, err := decodeReview(body, h.check)
	if err != nil {
		return nil, malformed(http.StatusBadRequest, err)
	}
	req.memory = m
	return req, nil
}

// readBody reads the body into a buffer, which grows with what has arrived, up to what was
// announced: an announcement alone makes nobody allocate.
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

// reviewPod decides on a pod and builds the answer.
func (h *handler) reviewPod(req *request, policyName string) (Outcome, *admissionv1.AdmissionResponse, error) {
	policy, err := h.policy(policyName)
	if err != nil {
		return Outcome{}, nil, err
	}
	out, err := injectInto(&req.memory.patched, req.kubelet(), h.injector, policy, req.Object, Template{})
	if err != nil {
		return out, nil, err
	}
	out.Decision = h.named(out.Decision, req.Namespace)
	response := &admissionv1.AdmissionResponse{UID: req.UID, AuditAnnotations: audit(out), Warnings: out.Warnings}
	if out.Result == reason.Denied {
		refuse(response, out.Reason, jsonscan.Shortened(out.Message(), maxMessage))
		return out, response, nil
	}
	response.Allowed = true
	if out.Patch != nil {
		response.Patch, response.PatchType = out.Patch, new(admissionv1.PatchTypeJSONPatch)
	}
	return out, response, nil
}

// refuse makes the answer a deliberate refusal. What a policy forbids is Forbidden,
// what is wrong in itself is Invalid.
func refuse(response *admissionv1.AdmissionResponse, why reason.Reason, message string) {
	response.Allowed = false
	status := &metav1.Status{Status: metav1.StatusFailure, Message: message, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid}
	if why.OfPolicy() || why == reason.UnknownPolicy {
		status.Code, status.Reason = http.StatusForbidden, metav1.StatusReasonForbidden
	}
	response.Result = status
}

// audit is what the API server's audit log gets. The API server puts the webhook's
// name and a slash before each key, so a key cannot have one.
func audit(out Outcome) map[string]string {
	a := map[string]string{"policy": out.Policy, "result": string(out.Result), "reason": string(out.Reason)}
	if out.PolicyHash != "" {
		a["policy-hash"] = out.PolicyHash
	}
	if names := helperNames(out); len(names) > 0 {
		a["helpers"] = strings.Join(few(names), ",")
	}
	if list := reasonsAndFields(out.Violations); len(list) > 0 {
		a["violations"] = strings.Join(few(list), ", ")
	}
	return a
}

// reasonsAndFields says why and where, and no value.
func reasonsAndFields(problems []reason.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, string(p.Reason)+" "+p.Field)
	}
	return all
}

// helperNames are the helpers' containers, or the helper's own name if it needs none.
func helperNames(out Outcome) []string {
	var names []string
	for i := range out.Helpers {
		names = append(names, cmp.Or(out.Helpers[i].Container, out.Helpers[i].Helper))
	}
	return names
}

// fail answers with an HTTP status, which lets the webhook's failurePolicy decide.
func (h *handler) fail(w http.ResponseWriter, policy string, start time.Time, err error) {
	f, text := h.failed(policy, start, err)
	if f.retry {
		elsewhere(w, f.status, text)
		return
	}
	http.Error(w, "pillion: "+text, f.status)
}

// failed logs and counts a failure. The text is what may be repeated of it.
func (h *handler) failed(policy string, start time.Time, err error) (f *failure, text string) {
	f = &failure{status: http.StatusInternalServerError, reason: reason.InternalError, err: err}
	errors.As(err, &f)
	h.observe(policy, string(reason.Failed), string(f.reason), time.Since(start))
	level := slog.LevelError
	if f.reason == reason.MalformedReview || f.reason == reason.ReviewNotRead { // anybody who reaches the port can cause these
		level = slog.LevelWarn
	}
	text = jsonscan.Shortened(f.Error(), maxDetail)
	h.Log.Log(context.Background(), level, "review failed", "policy", policy, "result", reason.Failed, "reason", f.reason, "status", f.status, "error", text)
	return f, text
}

// panicked logs the value that a panic ended with, which may hold any part of the pod; its
// type and the stack do not.
func (h *handler) panicked(policy string, value any) error {
	h.Log.Error("panic", "policy", policy, "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
	return errors.New("internal error")
}

// done logs and counts a decision.
func (h *handler) done(ctx context.Context, req *request, out Outcome, start time.Time) {
	took := time.Since(start)
	h.observe(out.Policy, string(out.Result), string(out.Reason), took)
	attrs := []slog.Attr{
		slog.String("uid", string(req.UID)),
		slog.String("namespace", jsonscan.Shown(req.Namespace)),
		slog.String(h.what, jsonscan.Shown(subject(req, out))),
		slog.String("policy", out.Policy),
		slog.String("result", string(out.Result)),
		slog.String("reason", string(out.Reason)),
		slog.Float64("seconds", took.Seconds()),
	}
	if names := helperNames(out); len(names) > 0 {
		attrs = append(attrs, slog.Any("helpers", few(names)))
	}
	if at := reasonsAndFields(out.Problems); len(at) > 0 {
		attrs = append(attrs, slog.Any("problems", few(at)))
	}
	if at := reasonsAndFields(out.Violations); len(at) > 0 {
		attrs = append(attrs, slog.Any("violations", few(at)))
	}
	if req.DryRun {
		attrs = append(attrs, slog.Bool("dryRun", true))
	}
	h.Log.LogAttrs(ctx, slog.LevelInfo, "reviewed", attrs...)
}

// subject is the name of what was reviewed, or what a pod's name will begin with; with
// the kind, unless it is a pod or a namespace.
func subject(req *request, out Outcome) string {
	switch {
	case req.Kind.Group != "":
		return req.Kind.Kind + "/" + req.Name
	case req.Name != "" || out.Pod == nil:
		return req.Name
	}
	return out.Pod.Metadata.GenerateName + "*"
}
