// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/certs"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// The first labels of an entry's name: inject.pillion.dev, web.inject.pillion.dev.
const (
	injects = "inject." + helper.Domain
	warns   = "warn." + helper.Domain
)

// entry is one webhook of a configuration of Pillion, of either kind.
type entry struct {
	admissionregistrationv1.MutatingWebhook // a validating one has its fields, but for reinvocationPolicy

	kind          string // of the configuration, as a resource
	configuration string // its name
	path          string // that is called
	to            target
	injectFrom    string // Certificate that cainjector takes the CA from, as namespace/name
	injectSecret  string // or Secret
	byJob         bool   // the chart's Job writes the CA

	managed []metav1.ManagedFieldsEntry // of the configuration
}

// revisionAnnotation is on configurations of the chart whose CA its Job writes; that of
// internal/renewal.
const revisionAnnotation = "pillion.dev/certificates-revision"

// target is the server that an entry calls.
type target struct {
	namespace, name string // of a Service
	port            int32
	url             string // without its path; set if it is no Service
}

func (t target) String() string {
	if t.url != "" {
		return t.url
	}
	return "the Service " + t.namespace + "/" + t.name
}

// host is the name by which the API server calls it, and which its certificate is for.
func (t target) host() string { return t.name + "." + t.namespace + ".svc" }

// ours reports whether a configuration is Pillion's: by its labels, or else by the names of
// its entries, for not everybody installs with labels.
func ours(meta *metav1.ObjectMeta, entries []string) bool {
	if meta.Labels["app.kubernetes.io/part-of"] == "pillion" || strings.HasPrefix(meta.Labels["app.kubernetes.io/name"], "pillion") {
		return true
	}
	return slices.ContainsFunc(entries, func(name string) bool {
		return strings.HasSuffix("."+name, "."+injects) || strings.HasSuffix("."+name, "."+warns)
	})
}

// configuration finds the configurations of Pillion and the one installation to look at.
func (l *look) configuration(ctx context.Context) error {
	all := object{group: admissionGroup, resource: "mutatingwebhookconfigurations"}
	var err error
	if l.mutating, err = list[admissionregistrationv1.MutatingWebhookConfiguration](ctx, l.cluster, all); err != nil {
		l.notRead(all, err)
		return nil
	}
	targets := map[target][]string{} // to names of configurations
	for i := range l.mutating {
		c := &l.mutating[i]
		for _, e := range mutatingEntries(c) {
			l.entriesOf = append(l.entriesOf, e)
			if !slices.Contains(targets[e.to], c.Name) {
				targets[e.to] = append(targets[e.to], c.Name)
			}
		}
	}
	sorted := slices.SortedFunc(maps.Keys(targets), func(a, b target) int { return cmp.Compare(a.String(), b.String()) })
	i := slices.IndexFunc(sorted, func(t target) bool { return l.Namespace == "" || t.namespace == l.Namespace })
	if i < 0 {
		l.noConfiguration(sorted, targets)
		return nil
	}
	l.to = sorted[i]
	for _, other := range sorted {
		if names := targets[other]; other != l.to {
			l.warn(fmt.Sprintf("there is more than one installation: %s, and %s; only that one is checked", calls(names, other), calls(targets[l.to], l.to)),
				"if it is left over: kubectl delete mutatingwebhookconfiguration "+strings.Join(names, " ")+"; to check the other: kubectl pillion check -n "+cmp.Or(other.namespace, "NAMESPACE"))
		}
	}
	if len(targets) == 1 {
		l.ok("%s", calls(targets[l.to], l.to))
	}
	return nil
}

// calls is a sentence about configurations and whom they call.
func calls(names []string, to target) string {
	verb := " calls "
	if len(names) > 1 {
		verb = " call "
	}
	return and(names) + verb + to.String()
}

func (l *look) noConfiguration(sorted []target, targets map[target][]string) {
	if len(sorted) > 0 {
		l.fail(fmt.Sprintf("no MutatingWebhookConfiguration calls Pillion in the namespace %s; %s", l.Namespace, calls(targets[sorted[0]], sorted[0])),
			"leave -n out, or name the namespace of the installation")
		return
	}
	l.fail("no MutatingWebhookConfiguration of this cluster calls Pillion, so no pod gets a helper",
		"install Pillion: helm install pillion, or kubectl apply -k config/webhook")
}

// mutatingEntries are the entries of a configuration that are sent new pods, if it is
// Pillion's.
func mutatingEntries(c *admissionregistrationv1.MutatingWebhookConfiguration) []entry {
	var names []string
	for i := range c.Webhooks {
		names = append(names, c.Webhooks[i].Name)
	}
	if !ours(&c.ObjectMeta, names) {
		return nil
	}
	var all []entry
	for i := range c.Webhooks {
		if slices.ContainsFunc(c.Webhooks[i].Rules, createsPods) {
			all = append(all, newEntry("mutatingwebhookconfiguration", &c.ObjectMeta, c.Webhooks[i]))
		}
	}
	return all
}

func newEntry(kind string, meta *metav1.ObjectMeta, w admissionregistrationv1.MutatingWebhook) entry {
	e := entry{
		MutatingWebhook: w, kind: kind, configuration: meta.Name,
		injectFrom: meta.Annotations[certs.InjectFromCertificate], injectSecret: meta.Annotations[certs.InjectFromSecret],
		managed: meta.ManagedFields,
	}
	_, e.byJob = meta.Annotations[revisionAnnotation]
	switch to := w.ClientConfig; {
	case to.Service != nil:
		e.to = target{namespace: to.Service.Namespace, name: to.Service.Name, port: 443} // the field's default
		if to.Service.Port != nil {
			e.to.port = *to.Service.Port
		}
		if to.Service.Path != nil {
			e.path = *to.Service.Path
		}
	case to.URL != nil:
		if u, err := url.Parse(*to.URL); err == nil {
			e.to, e.path = target{url: u.Scheme + "://" + u.Host}, u.Path
		}
	}
	return e
}

func createsPods(r admissionregistrationv1.RuleWithOperations) bool {
	return slices.ContainsFunc(r.Resources, func(s string) bool { return s == "pods" || s == "*" || s == "*/*" }) &&
		slices.ContainsFunc(r.Operations, func(o admissionregistrationv1.OperationType) bool {
			return o == admissionregistrationv1.Create || o == admissionregistrationv1.OperationAll
		})
}

// policy is the name that the path ends in.
func (e *entry) policy() string { return path.Base(e.path) }

// takes reports whether the entry is sent the objects of a namespace with these labels.
func (e *entry) takes(of labels.Set) bool { return selects(e.NamespaceSelector, of) }

func selects(s *metav1.LabelSelector, of labels.Set) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(of)
}
