// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// mostNamespaces is in how many namespaces of a policy a pod is tried, if others deny it.
const mostNamespaces = 3

// pods makes a pod for each policy, as a dry run: the proof that all links together hold.
func (l *look) pods(ctx context.Context) error {
	all, err := l.allNamespaces(ctx)
	if err != nil {
		l.notRead(everyNamespace, err)
		return nil
	}
	for _, policy := range l.policies() {
		l.policy(ctx, policy, l.namespacesOf(policy, all))
	}
	return nil
}

// namespacesOf are those that have a policy, "default" first.
func (l *look) namespacesOf(policy string, all []corev1.Namespace) []corev1.Namespace {
	var found []corev1.Namespace
	for i := range all {
		ns := &all[i]
		if ns.DeletionTimestamp != nil || !slices.ContainsFunc(l.entriesOf, func(e entry) bool {
			return e.to == l.to && e.policy() == policy && e.takes(labels.Set(ns.Labels))
		}) {
			continue
		}
		if ns.Name == corev1.NamespaceDefault {
			found = slices.Insert(found, 0, *ns)
		} else {
			found = append(found, *ns)
		}
	}
	return found[:min(len(found), mostNamespaces)]
}

// policy tries a pod under a policy.
func (l *look) policy(ctx context.Context, policy string, in []corev1.Namespace) {
	if len(in) == 0 {
		l.skip(fmt.Sprintf("policy %s: not tried, for no namespace has it", policy))
		return
	}
	var denied error
	for i := range in {
		t := &trial{look: l, policy: policy, namespace: &in[i]}
		if denied = t.run(ctx); denied == nil {
			return
		}
	}
	if right := missingRight(denied, in[0].Name); right != "" {
		l.forbidden(right)
		return
	}
	l.warn(fmt.Sprintf("policy %s: not tried, for others deny the pod in the namespace %s: %v", policy, in[len(in)-1].Name, denied),
		"make a namespace with this policy in which pods can be made, and check again")
	l.unread = append(l.unread, len(l.results)-1)
}
