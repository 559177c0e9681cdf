// SPDX-License-Identifier: Apache-2.0

// Package kube reads and writes the one Secret and the webhook configurations that
// cmd/certificates may touch.
package kube

import (
	"context"
	"encoding/json"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pillion-dev/pillion/internal/renewal"
)

// fieldManager is how the API server's managedFields call us.
const fieldManager = "pillion-certificates"

// Objects are what is worked on, by name.
type Objects struct {
	Namespace, Secret    string
	Mutating, Validating []string
}

// Cluster is a [renewal.Cluster].
type Cluster struct {
	rest    *rest.RESTClient
	objects Objects
}

// Config is that of a kubeconfig or, if that is "", of the pod's ServiceAccount.
func Config(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("reading the kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the pod's ServiceAccount: %w; outside of a pod use --kubeconfig", err)
	}
	return config, nil
}

// New makes a client. It does not call the cluster.
func New(config *rest.Config, objects Objects) (*Cluster, error) {
	config = rest.CopyConfig(config)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion) // to read errors
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.GroupVersion, config.APIPath = &metav1.SchemeGroupVersion, "/api"
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	config.QPS = -1 // some ten calls, one after another
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return &Cluster{client, objects}, nil
}

// Secret reads the Secret.
func (c *Cluster) Secret(ctx context.Context) (renewal.Secret, error) {
	var s corev1.Secret
	if err := c.get(ctx, c.secret(), &s); err != nil {
		return renewal.Secret{}, err
	}
	return renewal.Secret{Name: c.objects.Namespace + "/" + c.objects.Secret, Version: s.ResourceVersion, Data: s.Data}, nil
}

// Change writes keys of the Secret. Others are left as they are.
func (c *Cluster) Change(ctx context.Context, s renewal.Secret, keys map[string][]byte) error {
	return c.patch(ctx, c.secret(), types.MergePatchType, map[string]any{
		"metadata": map[string]any{"resourceVersion": s.Version},
		"data":     keys, // nil is null in JSON, which a merge patch takes for "remove"
	})
}

func (c *Cluster) secret() object {
	return object{"Secret", "/api/v1/namespaces/" + c.objects.Namespace + "/secrets", c.objects.Secret}
}

// Configurations reads all webhook configurations.
func (c *Cluster) Configurations(ctx context.Context) ([]renewal.Configuration, error) {
	var all []renewal.Configuration
	for _, o := range c.configurations() {
		// Both kinds say it alike. What is not read here is not written either.
		var read admissionregistrationv1.MutatingWebhookConfiguration
		if err := c.get(ctx, o, &read); err != nil {
			return nil, err
		}
		configuration := renewal.Configuration{
			Kind: o.kind, Name: o.name, Version: read.ResourceVersion, Revision: read.Annotations[renewal.RevisionAnnotation],
		}
		for i := range read.Webhooks {
			w := &read.Webhooks[i]
			configuration.Entries = append(configuration.Entries, renewal.Entry{Name: w.Name, CABundle: w.ClientConfig.CABundle})
		}
		all = append(all, configuration)
	}
	return all, nil
}

// Trust sets the caBundle of each entry. A strategic merge patch finds entries by their
// names and leaves the rest of them alone; in managedFields, caBundle becomes ours and
// nothing else does.
func (c *Cluster) Trust(ctx context.Context, configuration renewal.Configuration, bundle []byte) error {
	entries := []any{}
	for _, e := range configuration.Entries {
		entries = append(entries, map[string]any{"name": e.Name, "clientConfig": map[string]any{"caBundle": bundle}})
	}
	for _, o := range c.configurations() {
		if o.kind == configuration.Kind && o.name == configuration.Name {
			return c.patch(ctx, o, types.StrategicMergePatchType, map[string]any{
				"metadata": map[string]any{"resourceVersion": configuration.Version},
				"webhooks": entries,
			})
		}
	}
	return fmt.Errorf("%s is none that was read", configuration)
}

func (c *Cluster) configurations() []object {
	const group = "/apis/admissionregistration.k8s.io/v1/"
	var all []object
	for _, name := range c.objects.Mutating {
		all = append(all, object{"MutatingWebhookConfiguration", group + "mutatingwebhookconfigurations", name})
	}
	for _, name := range c.objects.Validating {
		all = append(all, object{"ValidatingWebhookConfiguration", group + "validatingwebhookconfigurations", name})
	}
	return all
}

type object struct{ kind, path, name string }

// get reads an object from etcd, not from a cache: no resourceVersion is asked for.
func (c *Cluster) get(ctx context.Context, o object, into any) error {
	answer := c.rest.Get().AbsPath(o.path, o.name).Do(ctx)
	if err := answer.Error(); err != nil {
		return explain("reading", o, err)
	}
	raw, err := answer.Raw()
	if err != nil {
		return explain("reading", o, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return explain("reading", o, err)
	}
	return nil
}

func (c *Cluster) patch(ctx context.Context, o object, kind types.PatchType, patch any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return explain("writing", o, err)
	}
	answer := c.rest.Patch(kind).AbsPath(o.path, o.name).Param("fieldManager", fieldManager).Body(body).Do(ctx)
	if err := answer.Error(); err != nil {
		return explain("writing", o, err)
	}
	return nil
}

// explain adds what was done with which object, and what would help.
func explain(doing string, o object, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s %s %s: %w; apply the release, or the manifests, that it belongs to", doing, o.kind, o.name, renewal.ErrMissing)
	case apierrors.IsConflict(err):
		return fmt.Errorf("%s %s %s: %w", doing, o.kind, o.name, renewal.ErrConflict)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s %s %s: %w; the Role and the ClusterRole of this ServiceAccount have to name it", doing, o.kind, o.name, err)
	default:
		return fmt.Errorf("%s %s %s: %w", doing, o.kind, o.name, err)
	}
}
