// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

var everyNamespace = object{resource: "namespaces"}

// allNamespaces are read once.
func (l *look) allNamespaces(ctx context.Context) ([]corev1.Namespace, error) {
	if l.listed == nil {
		all, err := list[corev1.Namespace](ctx, l.cluster, everyNamespace)
		l.listed = &answer[[]corev1.Namespace]{all, err}
	}
	return l.listed.value, l.listed.err
}

// byDesign are namespaces that the entries leave out so that a cluster can start without
// the webhook.
var byDesign = []string{metav1.NamespaceSystem, corev1.NamespaceNodeLease}

// namespaces looks for labels that name no policy, which is a warning, since it is told to
// everyone who makes a pod; and for namespaces that are left out, which no error reports.
func (l *look) namespaces(ctx context.Context) error {
	all, err := l.allNamespaces(ctx)
	if err != nil {
		l.notRead(everyNamespace, err)
		return nil
	}
	labelled, before := 0, len(l.results)
	var leftOut []string
	for i := range all {
		ns := &all[i]
		name, has := ns.Labels[inject.PolicyLabel]
		if has {
			labelled++
		}
		switch taken := l.takesNamespace(ns); {
		case has && !taken:
			l.fail(fmt.Sprintf("the namespace %s has the label %s=%s, and no entry is sent its pods: it does nothing there", ns.Name, inject.PolicyLabel, name),
				fmt.Sprintf("have the entries' namespaceSelector take the namespace, or: kubectl label namespace %s %s-", ns.Name, inject.PolicyLabel))
		case has:
			l.unknownPolicy(ns.Name, name)
		case !taken && !slices.Contains(byDesign, ns.Name) && ns.DeletionTimestamp == nil:
			if leftOut = append(leftOut, ns.Name); ns.Name == corev1.NamespaceDefault || ns.Name != l.to.namespace {
				l.leftOut(ctx, ns)
			}
		}
	}
	if len(l.results) > before {
		return nil
	}
	message := fmt.Sprintf("none has the label %s, so all have the policy %s", inject.PolicyLabel, defaultPolicy)
	if labelled > 0 {
		message = count(labelled, "namespace", "with the label "+inject.PolicyLabel+", which names a policy that exists")
	}
	if others := slices.DeleteFunc(leftOut, func(name string) bool { return name == l.to.namespace }); len(others) > 0 {
		message += "; the entries leave out " + and(others) + ", where no pod asks for a helper"
	}
	l.ok("%s", message)
	return nil
}

// unknownPolicy wants a label to name a policy that the entries have.
func (l *look) unknownPolicy(namespace, name string) {
	policies := l.policies()
	if slices.Contains(policies, name) {
		return
	}
	use := nearmiss.Nearest(name, policies)
	if use == "" {
		use = "POLICY"
	}
	l.warn(fmt.Sprintf("the namespace %s has the label %s=%s, and the policies are %s: pods there that ask for a helper are denied", namespace, inject.PolicyLabel, name, and(policies)),
		fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite", namespace, inject.PolicyLabel, use))
}

// leftOut looks for pods that ask for a helper where no entry is sent them.
func (l *look) leftOut(ctx context.Context, ns *corev1.Namespace) {
	const fix = "have the entries' namespaceSelector take the namespace (excludedNamespaces in the chart)"
	if ns.Name == l.to.namespace { // "default"
		l.fail("Pillion is installed in the namespace default, which its entries leave out, as that of the installation: pods there that ask for a helper start without it, and no error says so",
			"install Pillion in a namespace of its own, such as pillion-system")
		return
	}
	pods, err := list[metav1.PartialObjectMetadata](ctx, l.cluster, podsOf(ns.Name))
	if err != nil { // the test of the chart has no right to read pods everywhere, and none to be given
		l.skip(fmt.Sprintf("whether a pod of the namespace %s, which the entries leave out, asks for a helper is not known: %v", ns.Name, err))
		return
	}
	asking := slices.DeleteFunc(pods, func(p metav1.PartialObjectMetadata) bool { return !inject.Asks(p.Annotations) })
	if len(asking) > 0 {
		l.fail(fmt.Sprintf("the entries leave out the namespace %s, where pods ask for a helper and get none: %d, such as %s", ns.Name, len(asking), asking[0].Name), fix)
	}
}

// takesNamespace reports whether any entry is sent the pods of a namespace.
func (l *look) takesNamespace(ns *corev1.Namespace) bool {
	return slices.ContainsFunc(l.entriesOf, func(e entry) bool { return e.takes(labels.Set(ns.Labels)) })
}
