// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// trial is a pod that is made under a policy as a dry run.
type trial struct {
	*look
	policy    string
	namespace *corev1.Namespace
}

// run reports on the trial, or returns the error by which others denied the pod.
//
// What the API server says of webhooks is told apart by its sentences, for their status
// codes are those of the denials of others: an admission webhook answers 403 as a missing right
// does (apiserver, plugin/webhook/errors/statuserror.go).
func (t *trial) run(ctx context.Context) error {
	var denied []string
	for _, a := range asks() {
		made, err := t.cluster.Try(ctx, t.namespace.Name, a.pod())
		switch {
		case err == nil:
			t.judge(&a, made)
			return nil
		case t.fromOurs(err, "failed calling webhook %q"):
			t.notCalled(reasonOf(err))
			return nil
		case t.fromOurs(err, "admission webhook %q denied the request"):
			denied = append(denied, a.helper)
		case strings.Contains(err.Error(), "ValidatingAdmissionPolicy '") && strings.Contains(err.Error(), "pillion"):
			t.failFrom(nil, fmt.Sprintf("policy %s: a pod in the namespace %s is denied, for something took away what Pillion added: %v", t.policy, t.namespace.Name, err), t.suspects())
			return nil
		default:
			return err
		}
	}
	t.ok("policy %s: the webhook answers in the namespace %s; the policy allows no %s that could be tried", t.policy, t.namespace.Name, strings.Join(denied, " and no "))
	return nil
}

// notCalled reports a call without an answer, or one to which the webhook answers that it
// cannot decide. The latter begins with its own name.
func (t *trial) notCalled(reason string) {
	if own, found := strings.CutPrefix(reason, "pillion: "); found {
		t.failFrom([]Link{Entries}, fmt.Sprintf("policy %s: the webhook cannot decide: %s", t.policy, own),
			"kubectl -n "+t.to.namespace+" rollout status deployment; then see the logs of its pods")
		return
	}
	t.failFrom([]Link{Service, CertManager, Secret, CABundle, Endpoints, Served},
		fmt.Sprintf("policy %s: the API server could not call the webhook: %s", t.policy, reason),
		"see why: kubectl -n "+t.to.namespace+" get pods, and their logs; if they run, whether the network lets the API server reach them")
}

// fromOurs reports whether an error has a sentence about one of Pillion's entries.
func (t *trial) fromOurs(err error, format string) bool {
	return slices.ContainsFunc(t.entriesOf, func(e entry) bool {
		return strings.Contains(err.Error(), fmt.Sprintf(format, e.Name))
	})
}

// reasonOf leaves out of the error of a failed call what is known already.
func reasonOf(err error) string {
	_, text, found := strings.Cut(err.Error(), "failed to call webhook: ")
	if !found {
		return err.Error()
	}
	return regexp.MustCompile(`^Post "[^"]*": `).ReplaceAllString(text, "")
}

// judge checks the pod that would have been stored.
func (t *trial) judge(a *ask, made *corev1.Pod) {
	where := fmt.Sprintf("policy %s: a pod in the namespace %s", t.policy, t.namespace.Name)
	if made.Annotations[inject.StatusAnnotation] == "" {
		t.fail(where+" that asks for a "+a.helper+" starts without it: the webhook was not called, or failed under failurePolicy Ignore",
			"set failurePolicy to Fail, and check again to see why")
		return
	}
	name := pod.ReservedPrefix + a.helper
	i := slices.IndexFunc(made.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
	switch {
	case i < 0:
		t.failFrom(nil, where+" loses the container "+name+" that Pillion added", t.suspects())
	case made.Spec.InitContainers[i].RestartPolicy == nil:
		t.failFrom(nil, where+" loses the restartPolicy of "+name+" that Pillion set, so what should be a sidecar is waited for without end", t.suspects())
	default:
		t.ok("%s gets its %s", where, a.helper)
		t.everyPod(made)
	}
}

// everyPod wants the entry of a policy that adds helpers to pods that ask for nothing to
// be sent such pods. The policy's file is not in the cluster's API, but the status tells
// why each helper is there.
func (t *trial) everyPod(made *corev1.Pod) {
	var status inject.Status
	if json.Unmarshal([]byte(made.Annotations[inject.StatusAnnotation]), &status) != nil {
		return
	}
	added := slices.DeleteFunc(status.Helpers, func(h helper.Status) bool { return h.Reason != reason.Required && h.Reason != reason.ByDefault })
	if len(added) == 0 {
		return
	}
	for i := range t.entriesOf {
		e := &t.entriesOf[i]
		if e.takes(labels.Set(t.namespace.Labels)) && slices.ContainsFunc(e.MatchConditions, ofAnnotations) {
			t.fail(fmt.Sprintf("policy %s adds a %s to every pod, but the condition of the entry %s leaves out pods that request no helper", t.policy, added[0].Helper, e.Name),
				"take the condition on annotations out of matchConditions of that entry, as the chart does for policies with require or inject")
		}
	}
}

// ofAnnotations reports whether a condition of an entry reads a pod's annotations.
func ofAnnotations(c admissionregistrationv1.MatchCondition) bool {
	return strings.Contains(c.Expression, "annotations")
}

// suspects are the webhooks of others that are sent pods of the namespace, those first that
// are called after Pillion.
func (t *trial) suspects() string {
	later := t.later()
	var names, before []string
	for i := range t.mutating {
		c := &t.mutating[i]
		if len(mutatingEntries(c)) > 0 || !slices.ContainsFunc(c.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool {
			return slices.ContainsFunc(w.Rules, createsPods) && selects(w.NamespaceSelector, labels.Set(t.namespace.Labels))
		}) {
			continue
		}
		if slices.Contains(later, c.Name) {
			names = append(names, c.Name+" (called after Pillion)")
		} else {
			before = append(before, c.Name)
		}
	}
	names = append(names, before...)
	if len(names) == 0 {
		return "no webhook of others is sent these pods; look for a MutatingAdmissionPolicy"
	}
	return "the webhooks that can have done it are of " + and(names) + "; they must keep what they do not know: update them, or let them leave these pods out"
}
