// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/pillion-dev/pillion/test/node/config"
)

func etcdHealthy(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.EtcdHealth(), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func apiServerReady(clients kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		return clients.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}
}

func containerdAnswers(ctx context.Context) error { return dial(ctx, "unix", config.ContainerdSock) }

func servicesAnswer(ctx context.Context) error { return dial(ctx, "tcp", config.ServiceAddress()) }

// dial gives up soon: a connection that was begun before kube-proxy's first round
// is not redirected afterwards.
func dial(ctx context.Context, network, address string) error {
	conn, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// serviceAccountExists asks for what every pod needs in order to be admitted.
func serviceAccountExists(clients kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := clients.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}
}

// nodeReady is nil when the scheduler would give the node a pod.
func nodeReady(clients kubernetes.Interface, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		node, err := clients.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return schedulable(node)
	}
}

func schedulable(node *corev1.Node) error {
	for _, taint := range node.Spec.Taints {
		if taint.Effect != corev1.TaintEffectPreferNoSchedule {
			return fmt.Errorf("the node is tainted %s", taint.ToString())
		}
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			if c.Status == corev1.ConditionTrue {
				return nil
			}
			return fmt.Errorf("the node is not ready: %s: %s", c.Reason, c.Message)
		}
	}
	return errors.New("the node has not said whether it is ready")
}
