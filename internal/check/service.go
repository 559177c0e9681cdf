// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
)

// installed is what stands behind the entries.
type installed struct {
	service    *corev1.Service
	deployment *appsv1.Deployment // nil if none makes pods that the Service selects
	pods       []corev1.Pod       // that the Service selects, the finished ones left out
}

// service checks what the entries name. Without it the API server has nothing to call.
func (l *look) service(ctx context.Context) error {
	if l.to.url != "" {
		l.skip("not checked: the entries call " + l.to.url + ", which is no Service of the cluster; the trial with pods reports whether it answers")
		return nil
	}
	o := object{resource: "services", namespace: l.to.namespace, name: l.to.name}
	s, err := get[corev1.Service](ctx, l.cluster, o)
	switch {
	case apierrors.IsNotFound(err):
		l.fail(fmt.Sprintf("the entries call %s, which does not exist", l.to), "install Pillion again, or put the name in the entries' clientConfig.service right")
		return nil
	case err != nil:
		l.notRead(o, err)
		return nil
	}
	if !slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == l.to.port }) {
		l.fail(fmt.Sprintf("the entries call the port %d of %s, which has no such port", l.to.port, l.to), "add the port to the Service, or put clientConfig.service.port right in the entries")
		return nil
	}
	l.installed = &answer[installed]{}
	l.installed.value, l.installed.err = l.behind(ctx, s)
	l.ok("%s has the port %d", l.to, l.to.port)
	return nil
}

// behind reads what makes the Service's pods, and these.
func (l *look) behind(ctx context.Context, s *corev1.Service) (installed, error) {
	in := installed{service: s}
	if len(s.Spec.Selector) == 0 {
		return in, nil // an operator who writes the endpoints by hand has no pods
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	deployments, err := list[appsv1.Deployment](ctx, l.cluster, deploymentsOf(s.Namespace))
	if err != nil {
		return in, err
	}
	for i := range deployments {
		if selector.Matches(labels.Set(deployments[i].Spec.Template.Labels)) {
			in.deployment = &deployments[i]
			break
		}
	}
	pods, err := list[corev1.Pod](ctx, l.cluster, podsOf(s.Namespace))
	for i := range pods {
		if p := &pods[i]; selector.Matches(labels.Set(p.Labels)) && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			in.pods = append(in.pods, *p)
		}
	}
	return in, err
}

func deploymentsOf(namespace string) object {
	return object{group: appsGroup, resource: "deployments", namespace: namespace}
}

func podsOf(namespace string) object { return object{resource: "pods", namespace: namespace} }

// behindService is what was read with the Service; ok is false after it has been said that
// it could not be.
func (l *look) behindService() (in installed, ok bool) {
	if err := l.installed.err; err != nil {
		o := deploymentsOf(l.to.namespace)
		if l.installed.value.deployment != nil {
			o = podsOf(l.to.namespace)
		}
		l.notRead(o, err)
		return installed{}, false
	}
	return l.installed.value, true
}

// endpoints checks that something answers.
func (l *look) endpoints(ctx context.Context) error {
	o := object{group: discoveryGroup, resource: "endpointslices", namespace: l.to.namespace}
	slicesOf, err := list[discoveryv1.EndpointSlice](ctx, l.cluster, o)
	if err != nil {
		l.notRead(o, err)
		return nil
	}
	ready, all := 0, 0
	for i := range slicesOf {
		if slicesOf[i].Labels[discoveryv1.LabelServiceName] != l.to.name {
			continue
		}
		for _, e := range slicesOf[i].Endpoints {
			all++
			if e.Conditions.Ready == nil || *e.Conditions.Ready { // nil is to be taken for true
				ready++
			}
		}
	}
	if ready == 0 {
		l.fail(fmt.Sprintf("%s has no ready endpoint (of %d): pods that ask for a helper are denied, or start without it under failurePolicy Ignore", l.to, all),
			fmt.Sprintf("see whether the Service's selector fits the pods: kubectl -n %s get pods,endpointslices --show-labels", l.to.namespace))
		return nil
	}
	l.ok("%d ready", ready)
	return nil
}
