// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/option"
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

// namespaces looks for labels that name no policy. A mistake in one namespace is no fault of
// the installation, so it is a warning.
func (l *look) namespaces(ctx context.Context) error {
	all, err := l.allNamespaces(ctx)
	if err != nil {
		l.unread(everyNamespace, err)
		return nil
	}
	policies, labelled, wrong := l.policies(), 0, false
	for i := range all {
		ns := &all[i]
		name, has := ns.Labels[inject.PolicyLabel]
		if !has {
			continue
		}
		labelled++
		taken := l.takesNamespace(ns)
		if taken && slices.Contains(policies, name) {
			continue
		}
		wrong = true
		if !taken {
			l.warn(fmt.Sprintf("the namespace %s has the label %s=%s, and no entry is sent its pods: it does nothing there", ns.Name, inject.PolicyLabel, name),
				fmt.Sprintf("have the entries' namespaceSelector take the namespace, or: kubectl label namespace %s %s-", ns.Name, inject.PolicyLabel))
			continue
		}
		use := option.Nearest(name, policies)
		if use == "" {
			use = "POLICY"
		}
		l.warn(fmt.Sprintf("the namespace %s has the label %s=%s, and the policies are %s: pods there that ask for a helper are refused", ns.Name, inject.PolicyLabel, name, and(policies)),
			fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite", ns.Name, inject.PolicyLabel, use))
	}
	switch {
	case wrong:
	case labelled == 0:
		l.ok("none has the label %s, so all have the policy %s", inject.PolicyLabel, defaultPolicy)
	default:
		l.ok("%s", count(labelled, "namespace", "with the label "+inject.PolicyLabel+", which names a policy that exists"))
	}
	return nil
}

// takesNamespace tells whether any entry is sent the pods of a namespace.
func (l *look) takesNamespace(ns *corev1.Namespace) bool {
	return slices.ContainsFunc(l.entriesOf, func(e entry) bool { return e.takes(labels.Set(ns.Labels)) })
}
