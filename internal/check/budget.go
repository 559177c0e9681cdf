// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// budget looks at what drains of nodes may take. It stops no pod, so all is a warning.
func (l *look) budget(ctx context.Context) error {
	in, ok := l.behindService()
	if !ok {
		return nil
	}
	if in.deployment == nil {
		return nil
	}
	o := object{group: policyGroup, resource: "poddisruptionbudgets", namespace: l.to.namespace}
	all, err := list[policyv1.PodDisruptionBudget](ctx, l.cluster, o)
	if err != nil {
		l.notRead(o, err)
		return nil
	}
	var mine []*policyv1.PodDisruptionBudget
	var names []string
	for i := range all {
		if b := &all[i]; b.Spec.Selector != nil && selects(b.Spec.Selector, labels.Set(in.deployment.Spec.Template.Labels)) {
			mine, names = append(mine, b), append(names, b.Name)
		}
	}
	switch {
	case len(mine) == 0:
		l.warn("no PodDisruptionBudget covers the replicas, so draining nodes may take all of them at once", "apply the one of config/webhook, or podDisruptionBudget in the chart")
	case len(mine) > 1:
		l.warn("more than one PodDisruptionBudget covers the replicas ("+and(names)+"), and then the API server evicts none: nodes cannot be drained", fmt.Sprintf("kubectl -n %s delete poddisruptionbudget %s", l.to.namespace, names[1]))
	case blocks(mine[0], replicasOf(in)):
		l.warn(fmt.Sprintf("the PodDisruptionBudget %s lets no replica go (%s), so nodes with one cannot be drained", names[0], rule(mine[0])),
			fmt.Sprintf(`kubectl -n %s patch poddisruptionbudget %s --type=merge -p '{"spec":{"minAvailable":null,"maxUnavailable":1}}'`, l.to.namespace, names[0]))
	case mine[0].Spec.UnhealthyPodEvictionPolicy == nil || *mine[0].Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow:
		l.warn(fmt.Sprintf("the PodDisruptionBudget %s protects replicas that are not ready, so broken ones hold up the draining of nodes", names[0]),
			fmt.Sprintf(`kubectl -n %s patch poddisruptionbudget %s --type=merge -p '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}'`, l.to.namespace, names[0]))
	default:
		l.ok("%s: %s", names[0], rule(mine[0]))
	}
	return nil
}

func replicasOf(in installed) int {
	if in.deployment.Spec.Replicas != nil {
		return int(*in.deployment.Spec.Replicas)
	}
	return 1
}

// blocks reports whether the rule allows no eviction even with all replicas ready. The status
// is not asked: while a replica is down it says 0 for good reason.
func blocks(b *policyv1.PodDisruptionBudget, replicas int) bool {
	switch {
	case replicas == 0:
		return false
	case b.Spec.MaxUnavailable != nil: // percentages are rounded up, of both
		n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, replicas, true)
		return err == nil && n == 0
	case b.Spec.MinAvailable != nil:
		n, err := intstr.GetScaledValueFromIntOrPercent(b.Spec.MinAvailable, replicas, true)
		return err == nil && n >= replicas
	}
	return replicas == 1 // the default is minAvailable 1
}

func rule(b *policyv1.PodDisruptionBudget) string {
	switch {
	case b.Spec.MaxUnavailable != nil:
		return "maxUnavailable " + b.Spec.MaxUnavailable.String()
	case b.Spec.MinAvailable != nil:
		return "minAvailable " + b.Spec.MinAvailable.String()
	}
	return "minAvailable 1"
}
