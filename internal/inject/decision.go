// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Decision is the answer to one review.
type Decision struct {
	Result reason.Result
	Reason reason.Reason // of a denial: the reason of the first problem

	Plan     plan.Plan        // what to add; empty unless Result is Injected or Skipped
	Helpers  []helper.Status  // what the pod has, or will have once the plan is applied
	Problems []reason.Problem // why the pod is denied; all of them
	// Violations are what a policy that only warns would have denied. The pod is
	// admitted, and injected, as if the policy allowed them.
	Violations []reason.Problem
	Warnings   []string // for the person who made the request; at most 120 characters each

	Policy     string // name of the policy that was applied
	PolicyHash string // hash of its canonical form
}

// Message is the text of a denial, written for the person who reads it in the
// output of kubectl or in an event: one sentence, or a numbered list of them.
func (d Decision) Message() string {
	switch len(d.Problems) {
	case 0:
		return ""
	case 1:
		return d.Problems[0].Text()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d problems with what this pod asks of Pillion:", len(d.Problems))
	const most = 20 // a message ends up in events, which are cut at 1024 bytes as it is
	for i, p := range d.Problems[:min(len(d.Problems), most)] {
		fmt.Fprintf(&out, "\n  %d. %s", i+1, p.Text())
	}
	if more := len(d.Problems) - most; more > 0 {
		fmt.Fprintf(&out, "\n  and %d more", more)
	}
	return out.String()
}

// violations takes what a policy forbids apart from what is wrong in itself.
func violations(problems []reason.Problem) (ofPolicy, own []reason.Problem) {
	for _, p := range problems {
		if p.Reason.OfPolicy() {
			ofPolicy = append(ofPolicy, p)
		} else {
			own = append(own, p)
		}
	}
	return ofPolicy, own
}

// violated are the reasons of the violations, each once.
func (d Decision) violated() []reason.Reason {
	var reasons []reason.Reason
	for _, p := range d.Violations {
		reasons = append(reasons, p.Reason)
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// deny makes a decision of the problems that were found.
func (d Decision) deny(problems []reason.Problem) Decision {
	d.Result, d.Reason, d.Problems = reason.Denied, problems[0].Reason, problems
	d.Plan, d.Helpers = plan.Plan{}, nil
	return d
}
