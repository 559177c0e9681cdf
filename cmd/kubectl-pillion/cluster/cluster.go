// SPDX-License-Identifier: Apache-2.0

// Package cluster reads what the command line explains from a Kubernetes cluster, with
// kubectl's own flags and files. It changes nothing: the one pod that it creates is a dry
// run.
//
// Objects are read as the JSON that the API server has, and not through Go types: what
// a type does not know would be missing from what the decision is made on.
package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/pillion-dev/pillion/internal/check"
)

// Client reads from one cluster.
type Client struct {
	rest   *rest.RESTClient
	config *rest.Config
	// Namespace is that of the flags or of the kubeconfig's context.
	Namespace string
}

// New makes a client. It does not call the cluster.
func New(config *rest.Config, namespace string) (*Client, error) {
	config = rest.CopyConfig(config)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion) // to read errors
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.GroupVersion, config.APIPath = &metav1.SchemeGroupVersion, "/api"
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	config.QPS = -1 // some ten calls, one after another
	// Of the pods that check tries: nobody wrote those, and -o json is read by scripts.
	config.WarningHandler = rest.NoWarnings{}
	c, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return &Client{rest: c, config: config, Namespace: namespace}, nil
}

// get reads a path of the API.
func (c *Client) get(ctx context.Context, query url.Values, path ...string) ([]byte, error) {
	r := c.rest.Get().AbsPath(path...)
	for name, values := range query {
		for _, value := range values {
			r.Param(name, value)
		}
	}
	answer := r.Do(ctx) // DoRaw would lose the sentence of an error
	if err := answer.Error(); err != nil {
		return nil, err
	}
	return answer.Raw()
}

// Object reads one object of a kind that has pods, as JSON.
func (c *Client) Object(ctx context.Context, k Kind, namespace, name string) ([]byte, error) {
	raw, err := c.get(ctx, nil, k.path, "namespaces", namespace, k.resource, name)
	if err != nil {
		return nil, fmt.Errorf("reading %s %s of namespace %s: %w", k.Name, name, namespace, err)
	}
	return raw, nil
}

// Names lists the names of a kind's objects in a namespace.
func (c *Client) Names(ctx context.Context, k Kind, namespace string) ([]string, error) {
	var names []string
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var o metav1.PartialObjectMetadata
		err := json.Unmarshal(raw, &o)
		names = append(names, o.Name)
		return err
	}, k.path, "namespaces", namespace, k.resource)
	return names, err
}

// Owned lists the uids of a kind's objects of which the controller has a uid.
func (c *Client) Owned(ctx context.Context, k Kind, namespace string, by types.UID) ([]types.UID, error) {
	var uids []types.UID
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var o metav1.PartialObjectMetadata
		err := json.Unmarshal(raw, &o)
		if owner := metav1.GetControllerOf(&o); owner != nil && owner.UID == by {
			uids = append(uids, o.UID)
		}
		return err
	}, k.path, "namespaces", namespace, k.resource)
	if err != nil {
		return nil, fmt.Errorf("listing %s of namespace %s: %w", k.resource, namespace, err)
	}
	return uids, nil
}

// Pods calls do with each pod of a namespace, or of all of them if it is "".
func (c *Client) Pods(ctx context.Context, namespace, selector string, do func(json.RawMessage) error) error {
	path := []string{"/api/v1", "pods"}
	if namespace != "" {
		path = []string{"/api/v1", "namespaces", namespace, "pods"}
	}
	query := url.Values{}
	if selector != "" {
		query.Set("labelSelector", selector)
	}
	if err := c.list(ctx, query, do, path...); err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	return nil
}

// Events are those of a pod, as far as the cluster still has them.
func (c *Client) Events(ctx context.Context, namespace, pod string, uid types.UID) ([]corev1.Event, error) {
	var events []corev1.Event
	query := url.Values{"fieldSelector": {"involvedObject.kind=Pod,involvedObject.name=" + pod}}
	err := c.list(ctx, query, func(raw json.RawMessage) error {
		var e corev1.Event
		err := json.Unmarshal(raw, &e)
		if e.InvolvedObject.UID == uid {
			events = append(events, e)
		}
		return err
	}, "/api/v1/namespaces", namespace, "events")
	if err != nil {
		return nil, fmt.Errorf("listing events of namespace %s: %w", namespace, err)
	}
	return events, nil
}

// LogTail is the end of a container's log.
func (c *Client) LogTail(ctx context.Context, namespace, pod, container string, previous bool) (string, error) {
	query := url.Values{"container": {container}, "tailLines": {"50"}, "limitBytes": {"65536"}, "previous": {strconv.FormatBool(previous)}}
	raw, err := c.get(ctx, query, "/api/v1/namespaces", namespace, "pods", pod, "log")
	return string(raw), err
}

// list reads a list page by page.
func (c *Client) list(ctx context.Context, query url.Values, do func(json.RawMessage) error, path ...string) error {
	_, err := c.listAt(ctx, query, do, path...)
	return err
}

// listAt is list, and says of which version the list is.
func (c *Client) listAt(ctx context.Context, query url.Values, do func(json.RawMessage) error, path ...string) (version string, err error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "500")
	for {
		raw, err := c.get(ctx, query, path...)
		if err != nil {
			return "", err
		}
		var page struct {
			Metadata struct {
				Continue        string `json:"continue"`
				ResourceVersion string `json:"resourceVersion"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(raw, &page); err != nil {
			return "", fmt.Errorf("reading /%s: %w", strings.Trim(strings.Join(path, "/"), "/"), err)
		}
		for _, item := range page.Items {
			if err := do(item); err != nil {
				return "", err
			}
		}
		if page.Metadata.Continue == "" {
			return page.Metadata.ResourceVersion, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
}

// NamespaceLabels are the labels of a namespace; not nil unless there is an error.
func (c *Client) NamespaceLabels(ctx context.Context, name string) (map[string]string, error) {
	raw, err := c.get(ctx, nil, "/api/v1/namespaces", name)
	if err != nil {
		return nil, fmt.Errorf("reading the namespace %s: %w", name, err)
	}
	ns := corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}}}
	if err := json.Unmarshal(raw, &ns); err != nil {
		return nil, fmt.Errorf("reading the namespace %s: %w", name, err)
	}
	return ns.Labels, nil
}

// Bounds are the LimitRanges and ResourceQuotas of a namespace.
func (c *Client) Bounds(ctx context.Context, namespace string) (ranges []corev1.LimitRange, quotas []corev1.ResourceQuota, err error) {
	if ranges, err = items[corev1.LimitRange](ctx, c, namespace, "limitranges"); err == nil {
		quotas, err = items[corev1.ResourceQuota](ctx, c, namespace, "resourcequotas")
	}
	return ranges, quotas, err
}

// items are the objects of a resource in a namespace.
func items[T any](ctx context.Context, c *Client, namespace, resource string) ([]T, error) {
	var all []T
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var one T
		err := json.Unmarshal(raw, &one)
		all = append(all, one)
		return err
	}, "/api/v1/namespaces", namespace, resource)
	if err != nil {
		return nil, fmt.Errorf("listing %s of namespace %s: %w", resource, namespace, err)
	}
	return all, nil
}

// Webhooks are all mutating webhook configurations.
func (c *Client) Webhooks(ctx context.Context) ([]admissionregistrationv1.MutatingWebhookConfiguration, error) {
	var all []admissionregistrationv1.MutatingWebhookConfiguration
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var one admissionregistrationv1.MutatingWebhookConfiguration
		err := json.Unmarshal(raw, &one)
		all = append(all, one)
		return err
	}, "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")
	if err != nil {
		return nil, fmt.Errorf("listing mutatingwebhookconfigurations: %w", err)
	}
	return all, nil
}

// Data is what a Secret or a ConfigMap holds; kind is that word. [apierrors.IsNotFound] knows
// the error of one that does not exist.
func (c *Client) Data(ctx context.Context, kind, namespace, name string) (map[string][]byte, error) {
	raw, err := c.get(ctx, nil, "/api/v1/namespaces", namespace, strings.ToLower(kind)+"s", name)
	if err != nil {
		return nil, fmt.Errorf("reading the %s %s of namespace %s: %w", kind, name, namespace, err)
	}
	return DataOf(kind, raw)
}

// DataOf reads what a Secret or a ConfigMap holds from its JSON. Errors repeat none of it.
func DataOf(kind string, raw []byte) (map[string][]byte, error) {
	data := map[string][]byte{}
	if kind == "Secret" {
		var s corev1.Secret
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, errors.New("the Secret cannot be read: data must be strings in base64, stringData plain strings")
		}
		maps.Copy(data, s.Data)
		for key, text := range s.StringData {
			data[key] = []byte(text)
		}
		return data, nil
	}
	var c corev1.ConfigMap
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("the ConfigMap cannot be read: %w", err)
	}
	maps.Copy(data, c.BinaryData)
	for key, text := range c.Data {
		data[key] = []byte(text)
	}
	return data, nil
}

// PolicyFiles are where the webhook in a namespace has its policies.
type PolicyFiles struct {
	ConfigMap string            // "" without a --policy-dir, with which the webhook has its built-in policy
	Files     map[string]string // of the ConfigMap, by name
	Version   string            // the tag of the webhook's image; "" if it has none

	HelperImage string // of policies that name none; "" for that of the webhook's version
}

// PolicyFiles finds them by the Deployment.
func (c *Client) PolicyFiles(ctx context.Context, namespace string) (PolicyFiles, error) {
	var found PolicyFiles
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var d appsv1.Deployment
		err := json.Unmarshal(raw, &d)
		pod := &d.Spec.Template.Spec
		found.ConfigMap = cmp.Or(found.ConfigMap, check.PolicyConfigMap(pod))
		found.Version = cmp.Or(found.Version, webhookTag(pod))
		found.HelperImage = cmp.Or(found.HelperImage, check.HelperImage(pod))
		return err
	}, "/apis/apps/v1/namespaces", namespace, "deployments")
	if err != nil {
		return found, fmt.Errorf("listing the deployments of namespace %s: %w", namespace, err)
	}
	if found.ConfigMap == "" {
		return found, nil
	}
	raw, err := c.get(ctx, nil, "/api/v1/namespaces", namespace, "configmaps", found.ConfigMap)
	var cm corev1.ConfigMap
	if err == nil {
		err = json.Unmarshal(raw, &cm)
	}
	if err != nil {
		return found, fmt.Errorf("reading the ConfigMap %s of namespace %s: %w", found.ConfigMap, namespace, err)
	}
	found.Files = cm.Data
	return found, nil
}

// webhookTag is the tag of the image whose container is called as the chart calls it.
func webhookTag(pod *corev1.PodSpec) string {
	for i := range pod.Containers {
		if pod.Containers[i].Name != "webhook" {
			continue
		}
		image, _, _ := strings.Cut(pod.Containers[i].Image, "@")
		// A colon before the last slash is that of the registry's port.
		if _, tag, found := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":"); found {
			return tag
		}
	}
	return ""
}
