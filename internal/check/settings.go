// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// A pod is created within 34 s, in which all webhooks of it answer; and an answer that the
// API server asks for again on another replica needs some time as well.
const (
	longestTimeout  = 10
	shortestTimeout = 2
)

// settings judges what the entries leave to the API server. A missing value stands for its
// default, which the API server fills in.
func (l *look) settings(ctx context.Context) error {
	before := len(l.results)
	l.ignored(ctx)
	if names := l.entriesWith(func(e *entry) bool {
		return e.ReinvocationPolicy == nil || *e.ReinvocationPolicy != admissionregistrationv1.IfNeededReinvocationPolicy
	}); len(names) > 0 {
		message := "reinvocationPolicy is not IfNeeded in " + and(names) + ": what webhooks change after Pillion is not seen by it"
		if later := l.later(); len(later) > 0 {
			message += "; those of " + and(later) + " come after it"
		}
		l.warn(message, "set it to IfNeeded")
	}
	if names := l.entriesWith(func(e *entry) bool {
		return e.TimeoutSeconds != nil && (*e.TimeoutSeconds > longestTimeout || *e.TimeoutSeconds < shortestTimeout)
	}); len(names) > 0 {
		l.warn(fmt.Sprintf("timeoutSeconds is not between %d and %d in %s: a pod waits too long while the webhook is down, or not until another replica was asked", shortestTimeout, longestTimeout, and(names)),
			"set it to 5")
	}
	if names := l.entriesWith(func(e *entry) bool {
		return e.SideEffects == nil || *e.SideEffects != admissionregistrationv1.SideEffectClassNone
	}); len(names) > 0 {
		l.warn("sideEffects is not None in "+and(names)+", but Pillion has none", "set it to None")
	}
	l.othersSelectors(l.entriesOf)
	if len(l.results) > before {
		return nil
	}
	message := fmt.Sprintf("failurePolicy %s, reinvocationPolicy IfNeeded, sideEffects None", *cmp.Or(l.entriesOf[0].FailurePolicy, new(admissionregistrationv1.Fail)))
	if later := l.later(); len(later) > 0 {
		message += "; what the later webhooks of " + and(later) + " change is reviewed in a second call"
	}
	l.ok("%s", message)
	return nil
}

// ignored checks failurePolicy: Ignore, with which a pod starts without its helper while
// the webhook is down, unless something checks what comes out in the end.
func (l *look) ignored(ctx context.Context) {
	names := l.entriesWith(func(e *entry) bool {
		return e.FailurePolicy != nil && *e.FailurePolicy == admissionregistrationv1.Ignore
	})
	if len(names) == 0 {
		return
	}
	guard, err := l.guard(ctx)
	switch {
	case err != nil:
		l.warn("failurePolicy is Ignore in "+and(names)+", and whether the final-state guard makes that safe could not be read: "+err.Error(),
			"ask for the right to list validatingadmissionpolicies and validatingadmissionpolicybindings in "+admissionGroup)
	case guard != "":
		l.ok("failurePolicy is Ignore in %s, and the ValidatingAdmissionPolicy %s denies the pods that lack their helper", and(names), guard)
	default:
		l.warn("failurePolicy is Ignore in "+and(names)+": while the webhook is down, pods that ask for a helper start without it",
			"set failurePolicy to Fail, which affects no pod that requests no helper; or install the final-state guard (finalStateGuard.enabled in the chart)")
	}
}

func (l *look) entriesWith(is func(*entry) bool) []string {
	var names []string
	for i := range l.entriesOf {
		if is(&l.entriesOf[i]) {
			names = append(names, l.entriesOf[i].Name)
		}
	}
	return names
}

// later are the configurations of others that are sent new pods after all of ours have
// been: the API server goes by the names.
func (l *look) later() []string {
	last := ""
	for i := range l.entriesOf {
		last = max(last, l.entriesOf[i].configuration)
	}
	var names []string
	for i := range l.mutating {
		c := &l.mutating[i]
		if c.Name > last && slices.ContainsFunc(c.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return slices.ContainsFunc(w.Rules, createsPods) }) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}
