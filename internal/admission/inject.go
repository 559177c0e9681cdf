// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"

	"gomodules.xyz/jsonpatch/v2"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Outcome is a decision on a document and what it makes of the document.
type Outcome struct {
	inject.Decision
	Pod        *pod.Pod              // as it was received
	Operations []jsonpatch.Operation // RFC 6902; none if nothing changes
	Patch      []byte                // the operations as they are sent; nil if there are none
	Patched    []byte                // the document with the patch applied

	cachedAccount *account // see account
}

// Inject decides on the pod in a document and, if something is to be added, makes the
// patch, applies it and decides once more on the result: unless that finds everything
// in place and nothing left to do, the patch is not fit to be sent. An error is a
// failure of the document's form or of our own; a denial is in the decision.
func Inject(in inject.Injector, policy *inject.Policy, document []byte, at Template) (Outcome, error) {
	return InjectFor("", in, policy, document, at)
}

// InjectFor is [Inject] for a pod that the kubelet of a node creates, or nobody's if that is
// "": see [pod.Pod].
func InjectFor(kubelet string, in inject.Injector, policy *inject.Policy, document []byte, at Template) (Outcome, error) {
	p, err := view(kubelet, document, at)
	if err != nil {
		return Outcome{}, malformed(http.StatusBadRequest, err)
	}
	var patched []byte
	return injectInto(&patched, p, in, policy, document, at)
}

// injectInto is InjectFor for a document of which the view has been read, with memory for the
// patched document.
func injectInto(patched *[]byte, p *pod.Pod, in inject.Injector, policy *inject.Policy, document []byte, at Template) (Outcome, error) {
	d := decide(p, in, policy, at)
	out := Outcome{Decision: d, Pod: p, Patched: document}
	out.Warnings = append(tolerated(d), d.Warnings...)
	if d.Plan.Empty() {
		return out, nil
	}
	ops, err := plan.Patch(p, &d.Plan, at.pointer())
	if err != nil {
		return Outcome{}, err
	}
	if *patched, err = plan.Apply((*patched)[:0], document, ops); err != nil {
		return Outcome{}, fmt.Errorf("applying the patch: %w", err)
	}
	if out.Patch = plan.Marshal(ops); len(out.Patch) > maxPatch {
		return Outcome{Decision: tooLong(d, len(out.Patch), at), Pod: p, Patched: document}, nil
	}
	out.Patched, out.Operations = *patched, ops
	after, err := view(p.Kubelet, out.Patched, at)
	if err != nil {
		return Outcome{}, fmt.Errorf("reading the patched pod: %w", err)
	}
	again := decide(after, in, policy, at)
	if again.Result == reason.Denied || !again.Plan.Empty() {
		return Outcome{}, fmt.Errorf("the patched pod is not what was decided: a second review says %s (%s) %s", again.Result, again.Reason, again.Message())
	}
	return out, nil
}

// view reads the pod in a document.
func view(kubelet string, document []byte, at Template) (*pod.Pod, error) {
	raw, err := at.Find(document)
	if err != nil {
		return nil, err
	}
	p, err := pod.Decode(raw)
	if err != nil {
		return nil, err
	}
	p.Kubelet = kubelet
	return p, nil
}

func decide(p *pod.Pod, in inject.Injector, policy *inject.Policy, at Template) inject.Decision {
	return bounded(in.Decide(p, policy, at.Path()))
}
