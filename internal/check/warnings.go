// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// warnings checks the entries for workloads and namespaces. Nothing depends on them, so
// whatever is wrong there is a warning, unless they could deny somebody's workload.
func (l *look) warnings(ctx context.Context) error {
	o := object{group: admissionGroup, resource: "validatingwebhookconfigurations"}
	all, err := list[admissionregistrationv1.ValidatingWebhookConfiguration](ctx, l.cluster, o)
	if err != nil {
		l.notRead(o, err)
		return nil
	}
	for i := range all {
		l.warnOf = append(l.warnOf, validatingEntries(&all[i])...)
	}
	if len(l.warnOf) == 0 {
		l.warn("no ValidatingWebhookConfiguration calls Pillion, so kubectl apply does not warn of mistakes in annotations", "apply it: config/webhook has it, and the chart")
		return nil
	}
	before := len(l.results)
	var workloads []entry
	for i := range l.warnOf {
		e := &l.warnOf[i]
		if e.FailurePolicy != nil && *e.FailurePolicy == admissionregistrationv1.Fail {
			l.fail(e.Name+" has failurePolicy Fail, so no workload can be changed while the webhook is down", "set it to Ignore")
		}
		if strings.HasPrefix(e.path, "/warn/") {
			workloads = append(workloads, *e)
		}
	}
	wrong := l.disjoint(workloads, "/warn/")
	for _, text := range slices.Concat(wrong.twice, wrong.other, wrong.none) {
		l.warn(text+": authors of workloads are not warned, or of the wrong things", "give the entries the namespaceSelectors of the MutatingWebhookConfiguration")
	}
	l.othersSelectors(l.warnOf)
	if len(l.results) == before {
		l.ok("authors of workloads and of namespace labels are warned")
	}
	return nil
}

// validatingEntries are the entries of a configuration, if it is Pillion's.
func validatingEntries(c *admissionregistrationv1.ValidatingWebhookConfiguration) []entry {
	var names []string
	for i := range c.Webhooks {
		names = append(names, c.Webhooks[i].Name)
	}
	if !ours(&c.ObjectMeta, names) {
		return nil
	}
	var all []entry
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		all = append(all, newEntry("validatingwebhookconfiguration", &c.ObjectMeta, admissionregistrationv1.MutatingWebhook{
			Name: w.Name, ClientConfig: w.ClientConfig, Rules: w.Rules, FailurePolicy: w.FailurePolicy, MatchPolicy: w.MatchPolicy,
			NamespaceSelector: w.NamespaceSelector, ObjectSelector: w.ObjectSelector, SideEffects: w.SideEffects,
			TimeoutSeconds: w.TimeoutSeconds, AdmissionReviewVersions: w.AdmissionReviewVersions, MatchConditions: w.MatchConditions,
		}))
	}
	return all
}
