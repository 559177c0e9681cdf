// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/discovery"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// apis are the groups and versions that the cluster has.
func apis(t *testing.T) []string {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(plane.Config())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := client.ServerGroups()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			all = append(all, v.GroupVersion)
		}
	}
	return all
}

// install renders the chart for the cluster as it is.
func install(t *testing.T, release, namespace string, values map[string]any) error {
	t.Helper()
	_, err := render.Install(root, render.Cluster{Config: plane.Config(), APIVersions: apis(t)}, release, namespace, values)
	return err
}

func denied(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func on(path ...string) map[string]any {
	if len(path) == 1 {
		return map[string]any{path[0]: true}
	}
	return map[string]any{path[0]: on(path[1:]...)}
}

// The steps are those of a cluster that grows: nothing, cert-manager, the Prometheus
// operator, Pillion.
func TestInstallSaysWhatTheClusterLacks(t *testing.T) {
	kubectl(t, "", "delete", "crd", "--all") // of other tests
	job := map[string]any{"certificates": map[string]any{"source": "job"}}
	const lacks = "certificates.source: is cert-manager, but this cluster has no API cert-manager.io/v1; install cert-manager first, or "
	denied(t, install(t, "pillion", "pillion-system", nil), lacks+"set certificates.source to job, which needs nothing else")
	if err := install(t, "pillion", "pillion-system", job); err != nil {
		t.Errorf("with a certificate by a Job: %v", err)
	}
	route := strings.NewReplacer("GROUP", "route.openshift.io", "KIND", "Route", "PLURAL", "routes").Replace(definition)
	kubectl(t, route, "apply", "-f", "-")
	kubectl(t, route, "wait", "--for=condition=Established", "--timeout=5m", "-f", "-")
	denied(t, install(t, "pillion", "pillion-system", nil), lacks+"use values-openshift.yaml, with which OpenShift's service CA issues the certificate")
	kubectl(t, route, "delete", "-f", "-")

	certManager(t)
	if err := install(t, "pillion", "pillion-system", nil); err != nil {
		t.Errorf("with cert-manager: %v", err)
	}
	for _, monitor := range []string{"podMonitor", "serviceMonitor", "prometheusRule"} {
		denied(t, install(t, "pillion", "pillion-system", on("monitoring", monitor, "enabled")),
			"monitoring."+monitor+".enabled: is true, but this cluster has no API monitoring.coreos.com/v1; install the Prometheus operator first, or set it to false")
	}
	prometheusOperator(t)
	if err := install(t, "pillion", "pillion-system", on("monitoring", "podMonitor", "enabled")); err != nil {
		t.Errorf("with the Prometheus operator: %v", err)
	}

	rendered, err := render.Chart(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, rendered["mutatingwebhookconfiguration.yaml"], "apply", "-f", "-")
	t.Cleanup(func() { remove(t, rendered["mutatingwebhookconfiguration.yaml"]) })
	const another = "Pillion is in this cluster already: MutatingWebhookConfiguration pillion belongs to the release pillion in the namespace pillion-system, " +
		"and both releases would be called for each pod; upgrade that one (helm upgrade pillion -n pillion-system), or uninstall it first"
	denied(t, install(t, "second", "pillion-system", nil), another)
	denied(t, install(t, "pillion", "elsewhere", nil), another)
	if err := install(t, "pillion", "pillion-system", nil); err != nil {
		t.Errorf("the same release, half installed before: %v", err)
	}
}

// certManager makes the API server know cert-manager's types, from its module.
func certManager(t *testing.T) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("looking for cert-manager's module: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "deploy", "crds")
	kubectl(t, "", "apply", "--server-side", "-f", dir)
	kubectl(t, "", "wait", "--for=condition=Established", "--timeout=5m", "-f", dir)
}

// definition is one of a type that takes every field.
const definition = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.GROUP}
spec:
  group: GROUP
  names: {kind: KIND, plural: PLURAL}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// prometheusOperator makes the API server know the operator's types, but not their fields.
func prometheusOperator(t *testing.T) {
	t.Helper()
	var all strings.Builder
	for _, kind := range []string{"PodMonitor", "ServiceMonitor", "PrometheusRule"} {
		all.WriteString(strings.NewReplacer("GROUP", "monitoring.coreos.com", "KIND", kind, "PLURAL", strings.ToLower(kind)+"s").Replace(definition))
	}
	kubectl(t, all.String(), "apply", "-f", "-")
	kubectl(t, all.String(), "wait", "--for=condition=Established", "--timeout=5m", "-f", "-")
}
