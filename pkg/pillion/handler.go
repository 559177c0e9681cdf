// SPDX-License-Identifier: Apache-2.0

package pillion

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/server"
	"github.com/pillion-dev/pillion/internal/version"
)

// Options are what a handler or a reviewer tells and takes. All of them are optional.
type Options struct {
	// Log gets one line for each review. It never holds the spec of a pod, the value of an
	// annotation or an environment variable.
	Log *slog.Logger
	// Observe is called for each review of a pod, ObserveWarn for each review of a workload
	// or a namespace. Policy, result and reason come from closed sets, so they are safe as
	// labels of metrics; took is the time without the network. Both may be called by several
	// goroutines at once.
	Observe, ObserveWarn func(policy, result, reason string, took time.Duration)

	// MaxBody is the size of the largest request body, in bytes; a larger one is answered
	// with 413. The default is 6 MiB, which has room for the largest object of Kubernetes twice.
	MaxBody int64
	// MaxBodies bounds what all request bodies that are being reviewed hold together, in
	// bytes; above it the answer is 503 with Retry-After, and the API server repeats the
	// call. The default is 32 MiB, the minimum twice MaxBody.
	MaxBodies int64
}

// Handler is [HandlerWith] without options.
func Handler(policies ...*Policy) http.Handler { return HandlerWith(Options{}, policies...) }

// HandlerWith serves admission reviews (admission.k8s.io/v1) as the webhook binary does:
//
//	POST /inject/<policy>   new pods, which may be changed or denied
//	POST /inject/unknown    new pods of namespaces whose label selects no policy
//	POST /warn/<policy>     new and changed workloads, whose authors may be warned
//	POST /namespace         new and changed namespaces, likewise
//	POST /object            other new and changed objects with keys of Pillion, likewise
//
// A denial is an answer with allowed: false. Everything else that prevents an answer, a panic
// too, is an HTTP status of 4xx or 5xx, so that the webhook configuration's failurePolicy
// decides. TLS, timeouts and draining are up to the server; HTTP/1.1 and HTTP/2 both work. To
// serve below another path, use [http.StripPrefix].
//
// Without policies it serves the built-in one. It panics if two policies have the same name.
func HandlerWith(o Options, policies ...*Policy) http.Handler {
	maxBody := cmp.Or(o.MaxBody, 6<<20)
	bodies := max(cmp.Or(o.MaxBodies, 32<<20), 2*maxBody)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return server.Bound(admission.NewHandler(o.with(policies)), maxBody, bodies, o.Log)
}

// A Reviewer answers reviews of new pods for a server that has decoded them already. A
// program that is free to choose uses [Handler]: the two give the same answers.
type Reviewer struct {
	reviewer *admission.Reviewer
	policy   string
}

// NewReviewer makes a Reviewer for one policy. The limits of the options have no effect here.
func NewReviewer(o Options, policy *Policy) *Reviewer {
	return &Reviewer{admission.NewReviewer(o.with([]*Policy{policy})), policy.Name()}
}

// Review answers a request to create a pod. The response holds the patch as bytes, the
// operations are the same patch.
//
// An error means that the request is not about a new pod, or a fault in Pillion, a panic too;
// it quotes nothing of the pod. Turn it into an HTTP status of 5xx if you can: an answer with
// allowed: false prevents the pod even where the failurePolicy is Ignore.
func (r *Reviewer) Review(ctx context.Context, request *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, []jsonpatch.Operation, error) {
	return r.reviewer.Review(ctx, r.policy, request)
}

func (o Options) with(policies []*Policy) admission.Options {
	if len(policies) == 0 {
		policies = []*Policy{Builtin()}
	}
	byName := map[string]*inject.Policy{}
	for _, p := range policies {
		if byName[p.Name()] != nil {
			panic(fmt.Sprintf("pillion: two policies have the name %q", p.Name()))
		}
		byName[p.Name()] = p.compiled
	}
	return admission.Options{Policies: byName, Version: version.String(), Log: o.Log, Observe: o.Observe, ObserveWarn: o.ObserveWarn}
}
