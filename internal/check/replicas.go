// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// replicas looks at the Deployment: whether somebody serves, whether a rollout is stuck,
// whether the next replica would find policies that load, and whether the loss of one node would take all of them.
func (l *look) replicas(ctx context.Context) error {
	in, ok := l.behindService()
	if !ok {
		return nil
	}
	d := in.deployment
	if d == nil {
		l.warn(fmt.Sprintf("no Deployment of the namespace %s makes pods that %s selects", l.to.namespace, l.to), "put the selector of the Service right, unless something else makes the pods")
		return nil
	}
	l.policyFiles(ctx, in)
	at := fmt.Sprintf("kubectl -n %s ", d.Namespace)
	want := int32(1) // the field's default
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	switch ready := d.Status.AvailableReplicas; {
	case want == 0:
		l.fail(fmt.Sprintf("the Deployment %s is scaled to 0", d.Name), at+"scale deployment "+d.Name+" --replicas=2")
		return nil
	case ready == 0:
		l.fail(fmt.Sprintf("none of the %d replicas of the Deployment %s is ready%s", want, d.Name, why(in)), at+"describe pods; "+at+"logs deployment/"+d.Name)
		return nil
	case stuck(in, want):
		// The previous replicas go on serving, with the previous policies.
		l.fail(fmt.Sprintf("the rollout of the Deployment %s has replaced %d of %d replicas%s", d.Name, d.Status.UpdatedReplicas, want, why(in)),
			"the log of a replica that does not start says why: "+at+"get pods; "+at+"logs POD; to go back: "+at+"rollout undo deployment "+d.Name)
		return nil
	case ready < want:
		l.warn(fmt.Sprintf("%d of %d replicas of the Deployment %s are ready%s", ready, want, d.Name, why(in)), at+"describe pods")
		return nil
	case d.Status.UpdatedReplicas < want:
		l.warn(fmt.Sprintf("the rollout of the Deployment %s has replaced %d of %d replicas%s", d.Name, d.Status.UpdatedReplicas, want, why(in)),
			"the log of a replica that does not start says why: "+at+"get pods; "+at+"logs POD")
		return nil
	case want == 1:
		l.warn(fmt.Sprintf("the Deployment %s has one replica: when it goes, pods that ask for a helper are denied until another one is ready", d.Name), at+"scale deployment "+d.Name+" --replicas=2")
		return nil
	}
	nodes := map[string]bool{}
	staying := slices.DeleteFunc(slices.Clone(in.pods), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	for i := range staying {
		nodes[staying[i].Spec.NodeName] = true
	}
	if len(nodes) == 1 {
		l.warn(fmt.Sprintf("all %d replicas are on the node %s, and are lost with it", len(staying), staying[0].Spec.NodeName),
			"where there are more nodes: "+at+"rollout restart deployment "+d.Name+", and see topologySpreadConstraints")
		return nil
	}
	l.ok("%d of %d ready, on %d nodes", d.Status.AvailableReplicas, want, len(nodes))
	return nil
}

// stuck reports whether a rollout will not end by itself: its time is over, or a replica
// cannot start.
func stuck(in installed, want int32) bool {
	for _, c := range in.deployment.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			return true
		}
	}
	return in.deployment.Status.UpdatedReplicas < want && slices.ContainsFunc(in.pods, func(p corev1.Pod) bool {
		return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.ContainerStatuses, cannotStart)
	})
}

// cannotStart reports whether a container has failed, and not only has not started yet.
func cannotStart(c corev1.ContainerStatus) bool {
	if e := c.State.Terminated; e != nil {
		return e.ExitCode != 0
	}
	w := c.State.Waiting
	return w != nil && w.Reason != "" && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing"
}

// why says what keeps the replicas from being ready, as far as it can be seen.
func why(in installed) string {
	for i := range in.pods {
		p := &in.pods[i]
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
				return fmt.Sprintf(": %s is not scheduled: %s", p.Name, c.Message)
			}
		}
		for j := range p.Status.ContainerStatuses {
			state := &p.Status.ContainerStatuses[j].State
			if w := state.Waiting; w != nil {
				return fmt.Sprintf(": %s waits: %s", p.Name, cmp.Or(w.Message, w.Reason))
			}
			if e := state.Terminated; e != nil && p.DeletionTimestamp == nil {
				return fmt.Sprintf(": %s has ended with exit code %d", p.Name, e.ExitCode)
			}
		}
	}
	for _, c := range in.deployment.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue || c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			return ": " + c.Message
		}
	}
	return ""
}
