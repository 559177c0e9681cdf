// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the chart renders is in test/chart/testdata, which the tests there compare with the
// chart. A real API server takes each object as a server-side apply, as Helm 4 does, and
// has no warning about it.
func TestTheAPIServerTakesWhatTheChartRenders(t *testing.T) {
	// What a dry run cannot make for what comes after it.
	const there = `
apiVersion: v1
kind: Namespace
metadata: {name: pillion-system, labels: {pod-security.kubernetes.io/warn: restricted}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: pillion-test, namespace: pillion-system}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: other-test, namespace: pillion-system}}
`
	if _, _, err := plane.Kubectl(t.Context(), there, "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	certManager(t)
	renderings, err := filepath.Glob("../chart/testdata/*/rendered.yaml")
	if err != nil || len(renderings) == 0 {
		t.Fatalf("test/chart/testdata has no rendering: %v", err)
	}
	for _, file := range renderings {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// The webhook configurations of this name are here already, with a URL each.
			manifest := strings.ReplaceAll(withoutOperators(string(text)), "\n  name: pillion\n", "\n  name: pillion-dry-run\n")
			out, warnings, err := plane.Kubectl(t.Context(), manifest, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
			if err != nil {
				t.Fatal(err)
			}
			// The node's network is what the level of the namespace warns of, and should.
			if file := filepath.Base(filepath.Dir(file)); (warnings != "") != (file == "secret" || file == "eks-custom-cni") {
				t.Errorf("warnings:\n%s", warnings)
			}
			t.Logf("%d objects", strings.Count(out, "serverside-applied"))
		})
	}
}

// withoutOperators leaves out the objects of the Prometheus operator, whose definitions
// are in no module that the tests need otherwise; test/chart decodes them strictly.
func withoutOperators(manifest string) string {
	var kept []string
	for document := range strings.SplitSeq("\n"+manifest, "\n---\n") {
		if !strings.Contains("\n"+document, "\napiVersion: monitoring.coreos.com/") {
			kept = append(kept, document)
		}
	}
	return strings.Join(kept, "\n---\n")
}

// certManager makes the API server know cert-manager's types, from its module.
func certManager(t *testing.T) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	list.Dir = "../chart"
	out, err := list.Output()
	if err != nil {
		t.Fatalf("looking for cert-manager's module: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "deploy", "crds")
	if _, _, err := plane.Kubectl(t.Context(), "", "apply", "--server-side", "-f", dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := plane.Kubectl(t.Context(), "", "wait", "--for=condition=Established", "--timeout=5m", "-f", dir); err != nil {
		t.Fatal(err)
	}
}

// Why the chart gives each policy of its own webhook configurations of its own. cert-manager's
// cainjector applies the CA of each entry on the server (from 1.21 on always), and so owns
// a part of it. A release that takes the entry out leaves that part, which is no entry.
func TestServerSideApplyCannotTakeOutAnEntryWhoseCAIsOfAnother(t *testing.T) {
	apply := func(manager, entries string) error {
		manifest := "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: apply}\nwebhooks:\n" + entries
		_, _, err := plane.Kubectl(t.Context(), manifest, "apply", "--server-side", "--validate=false", "--field-manager="+manager, "-f", "-")
		return err
	}
	entry := func(name string) string {
		return "- {name: " + name + ".example.com, clientConfig: {service: {name: a, namespace: b}}, sideEffects: None, admissionReviewVersions: [v1]}\n"
	}
	t.Cleanup(func() {
		if _, _, err := plane.Kubectl(context.WithoutCancel(t.Context()), "", "delete", "mutatingwebhookconfiguration", "apply"); err != nil {
			t.Error(err)
		}
	})
	if err := apply("helm", entry("stays")+entry("goes")); err != nil {
		t.Fatal(err)
	}
	ca := base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----\n"))
	if err := apply("cainjector", "- {name: goes.example.com, clientConfig: {caBundle: "+ca+"}}\n"); err != nil {
		t.Fatal(err)
	}
	err := apply("helm", entry("stays"))
	if err == nil || !strings.Contains(err.Error(), "webhooks[1].clientConfig: Required value: exactly one of url or service is required") {
		t.Errorf("got %v, want an entry that has nothing left but its CA", err)
	}
}
