// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// controllers are those that make pods, what pods need in order to be admitted,
// and what namespaces need in order to go away.
func controllers() []string {
	return []string{
		"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller",
		"namespace-controller", "garbage-collector-controller", "pod-garbage-collector-controller",
		"deployment-controller", "replicaset-controller", "replicationcontroller-controller",
		"statefulset-controller", "daemonset-controller", "job-controller", "cronjob-controller",
		"endpointslice-controller", "disruption-controller", "resourcequota-controller",
	}
}

func (p *Plane) startControllers(ctx context.Context) error {
	path := p.asset("kube-controller-manager")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		p.progress("there is no kube-controller-manager: Deployments will make no pods")
		return nil
	}
	proc, err := launch(ctx, path, filepath.Join(p.dir, "kube-controller-manager.log"),
		"--kubeconfig="+p.kubeconfig,
		"--controllers="+strings.Join(controllers(), ","),
		"--service-account-private-key-file="+p.keys.serviceAccounts,
		"--root-ca-file="+p.keys.ca,
		"--leader-elect=false",
		"--secure-port=0", // nobody asks it for anything
	)
	if err != nil {
		return err
	}
	p.onStop(proc.stop)
	p.controlled = true
	clients, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		return err
	}
	return proc.await(ctx, func(ctx context.Context) error {
		return serviceAccountReady(ctx, clients, metav1.NamespaceDefault)
	})
}

// Namespace makes a namespace in which pods can be created: it waits for the
// default ServiceAccount, or makes one where no controller does.
func (p *Plane) Namespace(ctx context.Context, name string, labels map[string]string) error {
	clients, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := clients.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return err
	}
	return p.serviceAccount(ctx, clients, name)
}

func (p *Plane) serviceAccount(ctx context.Context, clients kubernetes.Interface, namespace string) error {
	if !p.controlled {
		sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
		_, err := clients.CoreV1().ServiceAccounts(namespace).Create(ctx, sa, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	return poll(ctx, func(ctx context.Context) error { return serviceAccountReady(ctx, clients, namespace) })
}

func serviceAccountReady(ctx context.Context, clients kubernetes.Interface, namespace string) error {
	_, err := clients.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
	return err
}
