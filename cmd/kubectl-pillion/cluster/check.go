// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Get reads a path of the API into an object.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	raw, err := c.get(ctx, nil, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// List calls each with the items of a list, page by page.
func (c *Client) List(ctx context.Context, path string, each func(json.RawMessage) error) error {
	return c.list(ctx, nil, each, path)
}

// Try creates a pod as a dry run: all webhooks are asked, and nothing is stored. It returns
// what would have been.
func (c *Client) Try(ctx context.Context, namespace string, pod *corev1.Pod) (*corev1.Pod, error) {
	pod = pod.DeepCopy()
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	body, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	raw, _, err := c.TryJSON(ctx, namespace, body)
	if err != nil {
		return nil, err
	}
	made := &corev1.Pod{}
	if err := json.Unmarshal(raw, made); err != nil {
		return nil, fmt.Errorf("reading the pod that was made: %w", err)
	}
	return made, nil
}

// TryJSON is Try with a pod as JSON, and tells of the API server's warnings as well.
func (c *Client) TryJSON(ctx context.Context, namespace string, pod []byte) (made []byte, warnings []string, err error) {
	answer := c.rest.Post().AbsPath("/api/v1/namespaces", namespace, "pods").
		Param("dryRun", metav1.DryRunAll).SetHeader("Content-Type", "application/json").Body(pod).
		WarningHandler(warningFunc(func(text string) { warnings = append(warnings, text) })).Do(ctx)
	if err := answer.Error(); err != nil {
		return nil, warnings, err
	}
	made, err = answer.Raw()
	return made, warnings, err
}

// warningFunc hears the warnings of one call, with code 299 as all of Kubernetes.
type warningFunc func(text string)

// HandleWarningHeader is that of rest.WarningHandler.
func (f warningFunc) HandleWarningHeader(_ int, _, text string) { f(text) }
