// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// mostReplicas is how many replicas are asked what they serve.
const mostReplicas = 5

// served asks the replicas themselves. After a renewal a replica serves the old certificate
// until its kubelet has brought the new one, which is fine as long as it is trusted.
func (l *look) served(ctx context.Context) error {
	in, ok := l.behindService()
	if !ok {
		return nil
	}
	asked := 0
	old, before := []string{}, len(l.results)
	for i := range in.pods {
		p := &in.pods[i]
		if asked == mostReplicas {
			break
		}
		if !ready(p) {
			continue
		}
		port := targetPort(in.service, p, l.to.port)
		chain, err := l.cluster.Served(ctx, p.Namespace, p.Name, port, l.to.host())
		if apierrors.IsForbidden(err) {
			l.forbidden(right("create", object{resource: "pods/portforward", namespace: p.Namespace}))
			return nil
		}
		if err != nil || len(chain) == 0 {
			l.unseen(fmt.Sprintf("not checked: %s was not reached by a port-forward: %v; the Secret tells what it should serve", p.Name, err))
			return nil
		}
		asked++
		if flaw := unusable(chain[0], l.to.host(), l.Now); flaw != "" {
			l.fail(fmt.Sprintf("the certificate that %s serves %s", p.Name, flaw), fmt.Sprintf("kubectl -n %s logs %s", p.Namespace, p.Name))
			continue
		}
		for i := range l.entriesOf {
			e := &l.entriesOf[i]
			if e.to != l.to {
				continue
			}
			if why := distrust(chain, trusted(e), l.Now); why != "" {
				l.fail(fmt.Sprintf("%s serves a certificate that %s does not trust: %s", p.Name, e.Name, why),
					"if the certificate was renewed in the last two minutes, wait; else kubectl -n "+p.Namespace+" logs "+p.Name)
				break
			}
		}
		if l.pair != nil && !chain[0].Equal(l.pair.chain[0]) {
			old = append(old, p.Name)
		}
	}
	switch {
	case len(l.results) > before:
	case asked == 0:
		l.skip("not checked: no replica is ready")
	case len(old) > 0:
		l.warn(fmt.Sprintf("%s: trusted, but another certificate than the Secret %s has", and(old), l.pair.secret), "within two minutes of a renewal this is normal; else kubectl -n "+l.to.namespace+" logs "+old[0])
	default:
		l.ok("%s", count(asked, "replica", "asked: what is served is trusted, and for "+l.to.host()))
	}
	return nil
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// targetPort is the port of a pod that a port of the Service leads to.
func targetPort(s *corev1.Service, p *corev1.Pod, port int32) int32 {
	for _, sp := range s.Spec.Ports {
		if sp.Port != port {
			continue
		}
		if sp.TargetPort.Type == intstr.Int {
			if sp.TargetPort.IntVal != 0 {
				return sp.TargetPort.IntVal
			}
			return port
		}
		for i := range p.Spec.Containers {
			for _, cp := range p.Spec.Containers[i].Ports {
				if cp.Name == sp.TargetPort.StrVal {
					return cp.ContainerPort
				}
			}
		}
	}
	return port
}
