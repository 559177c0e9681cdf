// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Status is what the annotation pillion.dev/status holds: what Pillion did to the
// pod, which version and policy decided it, and why.
type Status struct {
	Version    string        `json:"version"`
	Policy     string        `json:"policy"`
	PolicyHash string        `json:"policyHash"`
	Result     reason.Result `json:"result"` // Injected or Skipped
	Reason     reason.Reason `json:"reason"`
	// Violations are the reasons for which a policy that only warns would have denied
	// the pod.
	Violations []reason.Reason `json:"violations,omitempty"`
	Helpers    []helper.Status `json:"helpers,omitempty"`
	// Renewed names the containers and volumes that bore a reserved name, were not
	// what policy says, and were replaced.
	Renewed []string `json:"renewed,omitempty"`
}

// annotate adds the status to the plan unless the pod has this very status.
//
// The renewed names are the one thing that is read back from an existing status, and
// only the names of what this pod's helpers own: on a second call, after another
// webhook, the renewal has happened and would otherwise be forgotten. Nothing is
// decided by them.
func (s Status) annotate(p *plan.Plan, annotations map[string]string, owned []string) {
	s.Renewed = sortedOnce(s.Renewed)
	text := s.marshal()
	existing, has := annotations[StatusAnnotation]
	if has && string(text) == existing {
		return
	}
	var before Status
	if has && json.Unmarshal([]byte(existing), &before) == nil && len(before.Renewed) > 0 {
		for _, name := range before.Renewed {
			if slices.Contains(owned, name) {
				s.Renewed = append(s.Renewed, name)
			}
		}
		s.Renewed = sortedOnce(s.Renewed)
		text = s.marshal()
	}
	if !has || string(text) != existing {
		p.Annotations = append(p.Annotations, plan.Annotation{Key: StatusAnnotation, Value: string(text)})
	}
}

// sortedOnce is the list in order, with each name once.
func sortedOnce(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// marshal writes the status as JSON; the types that it is made of always can be.
func (s Status) marshal() []byte {
	raw, _ := json.Marshal(s)
	return raw
}
