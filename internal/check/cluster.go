// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Cluster is what is asked of a cluster. Errors of the API server are its own, so that
// their kind can be told.
type Cluster interface {
	// Get reads a path of the API into an object.
	Get(ctx context.Context, path string, into any) error
	// List calls each with the items of a list, given as JSON.
	List(ctx context.Context, path string, each func(json.RawMessage) error) error
	// Try creates a pod as a dry run, and returns what would have been stored.
	Try(ctx context.Context, namespace string, pod *corev1.Pod) (*corev1.Pod, error)
	// Served is the certificate chain by which a pod serves TLS at a port, for a name. It
	// is not verified.
	Served(ctx context.Context, namespace, pod string, port int32, name string) ([]*x509.Certificate, error)
}

// object names an object of the API, or a list without a name. All are of version v1.
type object struct{ group, resource, namespace, name string }

func (o object) path() string {
	parts := []string{"/api/v1"}
	if o.group != "" {
		parts = []string{"/apis", o.group, "v1"}
	}
	if o.namespace != "" {
		parts = append(parts, "namespaces", o.namespace)
	}
	parts = append(parts, o.resource)
	if o.name != "" {
		parts = append(parts, o.name)
	}
	return strings.Join(parts, "/")
}

// right is what reading it takes, in words.
func (o object) right() string {
	if o.name != "" {
		return right("get", o)
	}
	return right("list", o)
}

func right(verb string, o object) string {
	text := verb + " " + o.resource
	if o.group != "" {
		text += "." + o.group
	}
	if o.namespace != "" {
		return text + " in the namespace " + o.namespace
	}
	return text
}

func get[T any](ctx context.Context, c Cluster, o object) (*T, error) {
	into := new(T)
	if err := c.Get(ctx, o.path(), into); err != nil {
		return nil, err
	}
	return into, nil
}

func list[T any](ctx context.Context, c Cluster, o object) ([]T, error) {
	var all []T
	err := c.List(ctx, o.path(), func(raw json.RawMessage) error {
		var one T
		err := json.Unmarshal(raw, &one)
		all = append(all, one)
		return err
	})
	return all, err
}

const (
	admissionGroup = "admissionregistration.k8s.io"
	appsGroup      = "apps"
	discoveryGroup = "discovery.k8s.io"
	policyGroup    = "policy"
)
