// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

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
	// ObserveDenied is called for each pod that is denied. The namespace is what the caller wrote.
	ObserveDenied func(namespace, reason string)
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
	if o.ObserveDenied == nil {
		o.ObserveDenied = func(string, string) {}
	}
	return o
}

// endpoint is what differs between the reviews of pods, workloads and namespaces.
type endpoint struct {
	what    string // of the log line
	check   func(*request) error
	decode  func(m *memory, check func(*request) error) (*request, error)
	review  func(*handler, *request, string) (Outcome, *admissionv1.AdmissionResponse, error)
	observe func(policy, result, reason string, d time.Duration)

	replicas *replicas // nil for what is reviewed again each time
}

type handler struct {
	Options
	endpoint
	injector inject.Injector
	turns    *turns // of all endpoints
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
	if f.reason == reason.MalformedReview || f.reason == reason.ReviewNotRead { // every client that reaches the port can cause these
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
func (h *handler) done(ctx context.Context, req *request, decided *account, start time.Time) {
	took := time.Since(start)
	h.observe(decided.policy, decided.result, decided.reason, took)
	if decided.result == string(reason.Denied) && h.what == "pod" {
		h.ObserveDenied(req.Namespace, decided.reason)
	}
	if !h.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	line := slog.NewRecord(time.Now(), slog.LevelInfo, "reviewed", 0) // without the place in the code, which takes as long to find as to write the line
	line.AddAttrs(
		slog.String("uid", string(req.UID)),
		slog.String("namespace", jsonscan.Shown(req.Namespace)),
		slog.String(h.what, jsonscan.Shown(decided.subject(req))),
		slog.String("policy", decided.policy),
		slog.String("result", decided.result),
		slog.String("reason", decided.reason),
		slog.Float64("seconds", took.Seconds()),
	)
	for _, list := range []struct {
		key   string
		texts []string
	}{{"helpers", decided.helpers}, {"problems", decided.problems}, {"violations", decided.violations}} {
		if len(list.texts) > 0 {
			line.AddAttrs(slog.Any(list.key, list.texts))
		}
	}
	if req.DryRun {
		line.AddAttrs(slog.Bool("dryRun", true))
	}
	_ = h.Log.Handler().Handle(ctx, line) // as the Logger does, without a report
}
