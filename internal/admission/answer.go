// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// account is what operators of Pillion learn of a decision: from the log, the metrics
// and the API server's audit log.
type account struct {
	policy, policyHash, result, reason string
	generateName                       string // of a pod that has no name yet
	helpers, problems, violations      []string
}

// generated is how the name of a pod will begin, for a line of log.
func generated(p *pod.Pod) string { return p.Metadata.GenerateName + "*" }

// account is made once for each outcome.
func (out *Outcome) account() *account {
	if out.cachedAccount != nil {
		return out.cachedAccount
	}
	a := &account{
		policy: out.Policy, policyHash: out.PolicyHash, result: string(out.Result), reason: string(out.Reason),
		helpers: few(helperNames(out)), problems: few(reasonsAndFields(out.Problems)), violations: few(reasonsAndFields(out.Violations)),
	}
	if out.Pod != nil {
		a.generateName = generated(out.Pod)
	}
	out.cachedAccount = a
	return a
}

// subject is the name of what was reviewed, or what a pod's name will begin with; with
// the kind, unless it is a pod or a namespace.
func (a *account) subject(req *request) string {
	switch {
	case req.Kind.Group != "":
		return req.Kind.Kind + "/" + req.Name
	case req.Name != "" || a.generateName == "":
		return req.Name
	}
	return a.generateName
}

// audit is what the API server's audit log gets. The API server puts the webhook's
// name and a slash before each key, so a key cannot have one.
func (a *account) audit() map[string]string {
	all := map[string]string{"policy": a.policy, "result": a.result, "reason": a.reason}
	if a.policyHash != "" {
		all["policy-hash"] = a.policyHash
	}
	if len(a.helpers) > 0 {
		all["helpers"] = strings.Join(a.helpers, ",")
	}
	if len(a.violations) > 0 {
		all["violations"] = strings.Join(a.violations, ", ")
	}
	return all
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
func helperNames(out *Outcome) []string {
	var names []string
	for i := range out.Helpers {
		names = append(names, cmp.Or(out.Helpers[i].Container, out.Helpers[i].Helper))
	}
	return names
}
