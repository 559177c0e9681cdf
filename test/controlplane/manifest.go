// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
)

// Manifests renders a kustomization of the repository, such as config/webhook, as
// `kubectl apply -k` would.
func (p *Plane) Manifests(ctx context.Context, dir string) ([]unstructured.Unstructured, error) {
	rendered, _, err := p.Kubectl(ctx, "", "kustomize", dir)
	if err != nil {
		return nil, err
	}
	objects, err := Objects(rendered)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return objects, nil
}

// Objects reads the documents of a manifest. Those that are empty are left out.
func Objects(manifest string) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// installWebhook applies the webhook configurations with their clientConfigs pointed at
// our process, and waits until both are in force.
func (p *Plane) installWebhook(ctx context.Context) error {
	dir := cmp.Or(p.opts.Manifests, "config/webhook")
	objects, err := p.Manifests(ctx, dir)
	if err != nil {
		return err
	}
	first := map[string]string{} // kind to the name of its first webhook
	for _, object := range objects {
		kind := object.GetKind()
		if kind != mutating && kind != validating {
			continue
		}
		if first[kind], err = p.redirect(&object); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		manifest, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		if _, _, err := p.Kubectl(ctx, string(manifest), "create", "-f", "-"); err != nil {
			return err
		}
	}
	if first[mutating] == "" || first[validating] == "" {
		return fmt.Errorf("%s holds no %s, or no %s", dir, mutating, validating)
	}
	if err := p.awaitWebhook(ctx, first[mutating]); err != nil {
		return err
	}
	return p.awaitWarnings(ctx)
}

const (
	mutating   = "MutatingWebhookConfiguration"
	validating = "ValidatingWebhookConfiguration"
)

// redirect replaces the clientConfig of each webhook, keeping its path, and
// returns the name of the first one. It works on the object as it was written,
// so that no field can be lost on the way to the API server.
func (p *Plane) redirect(object *unstructured.Unstructured) (name string, err error) {
	webhooks, _, err := unstructured.NestedSlice(object.Object, "webhooks")
	if err != nil {
		return "", err
	}
	if len(webhooks) == 0 {
		return "", fmt.Errorf("%s has no webhooks", object.GetName())
	}
	for i, w := range webhooks {
		webhook, ok := w.(map[string]any)
		if !ok {
			return "", fmt.Errorf("%s: a webhook is a %T, want an object", object.GetName(), w)
		}
		path, found, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil {
			return "", err
		}
		if !found {
			return "", fmt.Errorf("%s: %v has no clientConfig.service.path", object.GetName(), webhook["name"])
		}
		if i == 0 {
			name, _ = webhook["name"].(string)
		}
		webhook["clientConfig"] = map[string]any{
			"url":      "https://" + p.Webhook.address + path,
			"caBundle": base64.StdEncoding.EncodeToString(p.Webhook.ca),
		}
	}
	return name, unstructured.SetNestedSlice(object.Object, webhooks, "webhooks")
}

// awaitWebhook creates (dry run) a pod that the webhook must deny until it
// does. The API server starts to call a new webhook some time after it has been
// written down. The webhook's metrics count these few denials.
func (p *Plane) awaitWebhook(ctx context.Context, webhook string) error {
	clients, err := kubernetes.NewForConfig(p.config)
	if err != nil {
		return err
	}
	if err := p.serviceAccount(ctx, clients, metav1.NamespaceDefault); err != nil {
		return err
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Annotations: map[string]string{"probe.pillion.dev/in-force": ""}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}},
	}
	return poll(ctx, func(ctx context.Context) error {
		_, err := clients.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		switch {
		case err == nil:
			return errors.New("the API server does not call the webhook yet")
		case strings.Contains(err.Error(), fmt.Sprintf("admission webhook %q denied the request", webhook)):
			return nil
		default:
			return err
		}
	})
}

// awaitWarnings creates (dry run) a Deployment that must be warned of until it is.
func (p *Plane) awaitWarnings(ctx context.Context) error {
	const deployment = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"probe","annotations":{"probe.pillion.dev/in-force":""}},
		"spec":{"selector":{"matchLabels":{"app":"probe"}},"template":{"metadata":{"labels":{"app":"probe"}},"spec":{"containers":[{"name":"probe","image":"probe"}]}}}}`
	return poll(ctx, func(ctx context.Context) error {
		_, warnings, err := p.Kubectl(ctx, deployment, "create", "--dry-run=server", "-f", "-")
		if err == nil && !strings.Contains(warnings, "Warning: pillion: ") {
			return errors.New("the API server does not call the webhook for workloads yet")
		}
		return err
	})
}
