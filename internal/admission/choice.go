// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// policy is the policy that a path names. A namespace whose label names none is sent to
// the path of [inject.NoPolicy], which allows nothing.
//
// A policy that is not loaded is no reason to deny: the webhook configuration is ahead
// of this replica, or behind it, and the next one may know better. See [elsewhere].
func (h *handler) policy(name string) (*inject.Policy, error) {
	if name == inject.NoPolicy {
		return &inject.Policy{Name: inject.NoPolicy, Known: h.known()}, nil
	}
	if p := h.Policies[name]; p != nil {
		return p, nil
	}
	const longest = 63 // of a label's value
	hint := ""
	if near := nearmiss.Nearest(name, h.policyNames()); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, &failure{
		status: http.StatusServiceUnavailable, reason: reason.PolicyNotLoaded, retry: true,
		err: fmt.Errorf("this replica has not loaded the policy %+q, only %s%s; if the policy is new, wait for the webhook's rollout, "+
			"otherwise give it a file in --policy-dir or remove its entry from the webhook configuration",
			name[:min(len(name), longest)], h.knownPolicies(), hint),
	}
}

// named is a decision, with the one thing that is wrong instead of all that follows
// from it if a pod asks for something in a namespace whose label names no policy.
//
// A review does not hold the labels of its namespace, so the sentence cannot repeat the
// label's value; the warning at the label itself does, see reviewNamespace.
func (h *handler) named(d inject.Decision, namespace string) inject.Decision {
	if d.Policy != inject.NoPolicy || d.Result != reason.Denied {
		return d
	}
	problem := field.Forbidden(field.NewPath("metadata", "namespace"), fmt.Sprintf(
		"the label %s of namespace %q names no policy; the policies are %s; see: kubectl get namespace %s -L %s",
		inject.PolicyLabel, jsonscan.Shown(namespace), h.knownPolicies(), jsonscan.Shown(namespace), inject.PolicyLabel))
	d.Reason, d.Problems = reason.UnknownPolicy, []reason.Problem{{Reason: reason.UnknownPolicy, Error: problem}}
	return d
}

// known are the helpers that there are, which all policies of an installation share but for the
// options by which one of them lets pods set resources.
func (h *handler) known() *helper.Set {
	if names := h.policyNames(); len(names) > 0 {
		return h.Policies[names[0]].Known
	}
	return nil
}

func (h *handler) policyNames() []string { return slices.Sorted(maps.Keys(h.Policies)) }

// knownPolicies lists the policies for an error message.
func (h *handler) knownPolicies() string { return strings.Join(h.policyNames(), ", ") }
