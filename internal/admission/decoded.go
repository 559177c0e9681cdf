// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// A Reviewer answers reviews of new pods that somebody else has read and decoded, as
// [NewHandler] answers those that it reads itself.
type Reviewer struct{ handler handler }

// NewReviewer makes a Reviewer for the policies of the options.
func NewReviewer(o Options) *Reviewer {
	o = o.complete()
	e := endpoint{"pod", newPods, nil, (*handler).reviewPod, o.Observe, nil}
	return &Reviewer{handler{Options: o, endpoint: e, injector: inject.Injector{Version: o.Version}, turns: newTurns()}}
}

// Review answers for one pod under the policy of a name. The patch is in the operations, and
// as bytes in the answer. An error is a failure of the review's form or of our own, a panic
// too; a denial is an answer.
func (r *Reviewer) Review(ctx context.Context, policy string, in *admissionv1.AdmissionRequest) (response *admissionv1.AdmissionResponse, ops []jsonpatch.Operation, err error) {
	h, start := &r.handler, time.Now()
	failed := func(err error) (*admissionv1.AdmissionResponse, []jsonpatch.Operation, error) { //nolint:unparam // the signature is that of a review
		name := policy
		if h.Policies[name] == nil {
			name = inject.NoPolicy // as a label it has to be of a closed set
		}
		_, text := h.failed(name, start, err)
		return nil, nil, errors.New(text)
	}
	defer func() {
		if value := recover(); value != nil {
			response, ops, err = failed(h.panicked(policy, value))
		}
	}()
	req, err := requestOf(in)
	if err == nil {
		err = h.check(req)
	}
	if err == nil && (len(req.Object) == 0 || req.Object[0] != '{') {
		err = errors.New("the review has no object")
	}
	if err != nil {
		return failed(malformed(http.StatusBadRequest, err))
	}
	defer h.turns.wait(len(req.Object))()
	out, response, err := h.review(h, req, policy)
	if err != nil {
		return failed(err)
	}
	h.done(ctx, req, out.account(), start)
	return response, out.Operations, nil
}

// requestOf is the view of a request that somebody else has decoded.
func requestOf(in *admissionv1.AdmissionRequest) (*request, error) {
	user, err := json.Marshal(in.UserInfo)
	return &request{
		UID: in.UID, Kind: in.Kind, Resource: in.Resource, SubResource: in.SubResource, Operation: in.Operation,
		Namespace: in.Namespace, Name: in.Name, DryRun: in.DryRun != nil && *in.DryRun,
		Object: in.Object.Raw, OldObject: in.OldObject.Raw, UserInfo: user,
		memory: new(memory),
	}, err
}
