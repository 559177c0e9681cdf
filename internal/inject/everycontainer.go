// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// reviewEveryContainer binds a pod that leaves the option containers out, and so means
// every container, by the names that the policy allows there.
func reviewEveryContainer(p *Policy, hp *rule.Helper, r *helper.Request, s *pod.Spec) *reason.Problem {
	allowed := hp.Rules[helper.Containers]
	if allowed == nil || len(allowed.Allow) == 0 || r.Has(helper.Containers) || r.Given(helper.Containers) || r.Helper.Option(helper.Containers) == nil {
		return nil
	}
	names := everyone(r.Helper, s)
	if r.Seen(s) {
		names = withoutLater(allowed, r, s, names)
	}
	v := option.Value{Text: strings.Join(names, ","), List: names}
	if len(names) == 0 {
		return nil
	}
	err := allowed.Check(v)
	if err == nil {
		return nil
	}
	problem := reason.Invalid(reason.ValueNotAllowed, r.Path(helper.Containers), option.Containers.Shown(v.Text),
		"without it every container takes part, which policy %q does not allow: %s; set the annotation", p.Name, err)
	return &problem
}

// withoutLater leaves out the containers that the policy does not allow and that have no
// part in the helper, unless there is nobody else: another webhook added them after a
// previous review. The pod's author could name the others.
func withoutLater(allowed *rule.Rule, r *helper.Request, s *pod.Spec, names []string) []string {
	later := func(name string) bool {
		t, _ := s.Find(name)
		return allowed.Check(option.Value{Text: name, List: []string{name}}) != nil && !r.Joined(s, t.Container)
	}
	if !slices.ContainsFunc(names, func(name string) bool { return !later(name) }) {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool {
		out := later(name)
		if out {
			r.LeaveOut(name)
		}
		return out
	})
}

// everyone are the containers that take part unless a pod says which.
func everyone(h *helper.Helper, s *pod.Spec) []string {
	if h.WithInit {
		return s.Names()
	}
	var names []string
	for i := range s.Containers {
		if !pod.Reserved(s.Containers[i].Name) {
			names = append(names, s.Containers[i].Name)
		}
	}
	return names
}
