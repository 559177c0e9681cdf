// SPDX-License-Identifier: Apache-2.0

package inject

import "strings"

// reviewEveryContainer binds a pod that leaves the option containers out, and so means
// every container, by the names that the policy allows there.
func reviewEveryContainer(p *Policy, hp *HelperPolicy, r *Request, s *Spec) *Problem {
	rule := hp.Rules[containers]
	if rule == nil || len(rule.Allow) == 0 || r.Has(containers) || r.given(containers) || r.Helper.Option(containers) == nil {
		return nil
	}
	names := r.Helper.everyone(s)
	v := Value{Text: strings.Join(names, ","), List: names}
	if len(names) == 0 {
		return nil
	}
	err := rule.check(v)
	if err == nil {
		return nil
	}
	problem := invalid(ValueNotAllowed, r.path(containers), shown(KindContainers, v.Text),
		"without it every container takes part, which policy %q does not allow: %s; set the annotation", p.Name, err)
	return &problem
}

// everyone are the containers that take part unless a pod says which.
func (h *Helper) everyone(s *Spec) []string {
	if h.withInit {
		return s.names()
	}
	var names []string
	for i := range s.Containers {
		if !Reserved(s.Containers[i].Name) {
			names = append(names, s.Containers[i].Name)
		}
	}
	return names
}
