// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// MaxAdditions is how many helpers a policy adds at most, so that a review has a bound.
const MaxAdditions = 16

// additions are those of both lists, the required ones first.
func (p *Policy) additions() []*helper.Addition { return slices.Concat(p.Require, p.Inject) }

// join adds to what a pod asks for what the policy adds. What is left out of the policy's
// defaults has a reason: the first is that the pod says so.
func (p *Policy) join(asked *parsed, of *pod.Pod, root *field.Path) (leftOut reason.Reason) {
	if len(p.Inject) > 0 {
		leftOut = p.withoutDefaults(asked.optOut, &of.Spec)
	}
	for _, a := range p.additions() {
		r := asked.request(a.Helper, a.Instance)
		switch {
		case leftOut != "" && !a.Required:
		case r == nil:
			r = helper.NewRequest(a.Helper, a.Instance, reason.ByDefault, root)
			asked.requests = append(asked.requests, r)
			fallthrough
		default:
			r.Added = a
			if a.Required {
				r.Reason = reason.Required
			}
		}
	}
	sortRequests(asked.requests)
	return leftOut
}

// withoutDefaults says why a pod gets nothing that it did not ask for; "" if it does. To
// deny it for what it never asked for would be wrong, and to add what policy does not
// allow there as well.
func (p *Policy) withoutDefaults(optOut bool, s *pod.Spec) reason.Reason {
	switch {
	case optOut:
		return reason.OptedOut
	case s.Windows():
		return reason.WindowsPod
	case s.HostNetwork && !p.HostNetwork, p.deniesClass(s):
		return reason.NotByDefault
	}
	return ""
}

// take gives a request the addition's value for an option; it returns false if there is none.
func (p *Policy) take(r *helper.Request, option string) bool {
	if !r.Added.Has(option) {
		return false
	}
	r.Set(option, r.Added.Values[option])
	r.Own(option, p.path().Child(r.Added.List()).Index(r.Added.Index).Child("options").Key(option))
	return true
}

// required denies another value than the policy requires.
func (p *Policy) required(r *helper.Request, option string, v option.Value) *reason.Problem {
	if !r.Added.Has(option) || !r.Added.Required || r.Added.Values[option].Text == v.Text {
		return nil
	}
	want := r.Added.Values[option]
	problem := reason.Invalid(reason.ValueNotAllowed, r.Path(option), v.Text, "policy %q requires %q in every pod (%s); remove the annotation", p.Name, want.Text, r.Added).In("require")
	return &problem
}

// denyOptOut denies a pod that opts out where there is nothing but what the policy
// requires: it would believe to have been left alone.
func (p *Policy) denyOptOut(asked *parsed, root *field.Path) []reason.Problem {
	if !asked.optOut || len(p.Require) == 0 || len(p.Inject) > 0 {
		return nil
	}
	return []reason.Problem{reason.Invalid(reason.RequiredHelper, helper.Annotations(root).Key(InjectAnnotation), "false",
		"policy %q requires %s, of which no pod can opt out; remove the annotation", p.Name, p.requiredHelpers())}
}

// denyWindows denies a pod that cannot run what the policy requires.
func (p *Policy) denyWindows(root *field.Path) []reason.Problem {
	if len(p.Require) == 0 {
		return nil
	}
	return []reason.Problem{reason.Forbidden(reason.RequiredHelper, root.Child("spec", "os"),
		"policy %q requires %s, which are Linux containers, so no Windows pod can run under it; use a namespace with another policy", p.Name, p.requiredHelpers())}
}

// requiredHelpers names them with their places: "date-writer (require[0])".
func (p *Policy) requiredHelpers() string {
	var names []string
	for _, a := range p.Require {
		names = append(names, fmt.Sprintf("%s (%s)", prefixed(a.Instance, a.Helper.Name), a))
	}
	return option.JoinAnd(names)
}

// prefixed is a helper as the front of an annotation key has it: "docs.git-poller".
func prefixed(instance, helper string) string { return strings.TrimPrefix(instance+"."+helper, ".") }

// either ends the sentence on a pod in which the policy allows no helper. A pod under a
// policy that requires one has no other remedy.
func (p *Policy) either(text, or string) string {
	if len(p.Require) > 0 {
		return text + ", since the policy requires " + p.requiredHelpers()
	}
	return text + or
}

// remedy ends the sentence on something that is wrong with a helper that the pod did not
// ask for: it can opt out.
func remedy(r *helper.Request) string {
	if r.Reason != reason.ByDefault {
		return ""
	}
	return fmt.Sprintf("; or opt out with %s: \"false\"", InjectAnnotation)
}

// addRemedy appends the remedy to each problem.
func addRemedy(r *helper.Request, problems []reason.Problem) {
	for i := range problems {
		problems[i].Detail += remedy(r)
	}
}
