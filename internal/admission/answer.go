// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// audit is what the API server's audit log gets. The API server puts the webhook's
// name and a slash before each key, so a key cannot have one.
func audit(out Outcome) map[string]string {
	a := map[string]string{"policy": out.Policy, "result": string(out.Result), "reason": string(out.Reason)}
	if out.PolicyHash != "" {
		a["policy-hash"] = out.PolicyHash
	}
	if names := helperNames(out); len(names) > 0 {
		a["helpers"] = strings.Join(few(names), ",")
	}
	if list := reasonsAndFields(out.Violations); len(list) > 0 {
		a["violations"] = strings.Join(few(list), ", ")
	}
	return a
}

// reasonsAndFields says why and where, and no value.
func reasonsAndFields(problems []reason.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, string(p.Reason)+" "+p.Field)
	}
	return all
}

// helperNames are the helpers' containers, or the helper's own name if it needs none.
func helperNames(out Outcome) []string {
	var names []string
	for i := range out.Helpers {
		names = append(names, cmp.Or(out.Helpers[i].Container, out.Helpers[i].Helper))
	}
	return names
}
