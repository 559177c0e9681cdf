// SPDX-License-Identifier: Apache-2.0

package install

import (
	"errors"
	"os"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// comeAndGo are objects that the cluster makes and removes by itself.
var comeAndGo = []string{"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}

// everything is each object in the cluster that can be listed, as "resource
// namespace/name".
func everything(t *testing.T) []string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("E2E_KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{} // of kinds that are deprecated
	finder, err1 := discovery.NewDiscoveryClientForConfig(config)
	client, err2 := metadata.NewForConfig(config)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	groups, err := finder.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, group := range groups {
		version, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range group.APIResources {
			resource := version.WithResource(r.Name)
			name := resource.GroupResource().String()
			if !slices.Contains(r.Verbs, "list") || slices.Contains(comeAndGo, name) {
				continue
			}
			list, err := client.Resource(resource).List(t.Context(), metav1.ListOptions{})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, o := range list.Items {
				all = append(all, name+" "+o.Namespace+"/"+o.Name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// moreThan are the objects that are in now, but not in before.
func moreThan(before, now []string) []string {
	return slices.DeleteFunc(slices.Clone(now), func(o string) bool {
		_, was := slices.BinarySearch(before, o)
		return was
	})
}
