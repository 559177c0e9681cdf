// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What a cluster says of files, to somebody who may create pods and no more.
func TestExplainAsksTheClusterByADryRun(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	const (
		good    = "    metadata: {annotations: {date-writer.pillion.dev/mount-path: /html, date-writer.pillion.dev/intervall: 1s}}\n"
		ask     = "    metadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}\n"
		bad     = "    metadata: {annotations: {git-poller.pillion.dev/mount-path: /html}}\n"
		nothing = "    metadata: {labels: {app: web}}\n"
	)
	workload := func(name, metadata string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + "}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n" +
			metadata + "    spec: {containers: [{name: web, image: nginx}]}\n---\n"
	}
	file := filepath.Join(t.TempDir(), "web.yaml")
	text := workload("ask", ask) + workload("nothing", nothing) + workload("mistyped", good) + workload("bad", bad) +
		"apiVersion: v1\nkind: Pod\nmetadata: {name: privileged}\nspec: {containers: [{name: Web, image: nginx}]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, `apiVersion: v1
kind: List
items:
- {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: pods}, rules: [{apiGroups: [""], resources: [pods], verbs: [create]}]}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: pods}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pods}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: `+ns+`}]}
`, "create", "-n", ns, "-f", "-")

	var said []struct {
		Name, Denial, Version, Policy string
		Admitted, Asks                bool
		Helpers, Warnings             []string
	}
	await(t, "the rights", func() bool {
		c := callPlugin(t, "explain", "-f", file, "--dry-run", "-o", "json", "-n", ns, "--as", ns)
		return c.code == 1 && json.Unmarshal([]byte(c.out), &said) == nil && len(said) == 5
	})
	if d := said[0]; !d.Admitted || !slices.Equal(d.Helpers, []string{"pillion-date-writer"}) || d.Policy != "default" || d.Version == "" {
		t.Errorf("of a pod that asks: %+v", d)
	}
	if d := said[1]; !d.Admitted || d.Asks || d.Helpers != nil || d.Denial != "" {
		t.Errorf("of a pod that asks for nothing: %+v", d)
	}
	if d := said[2]; d.Admitted || !strings.Contains(d.Denial, `did you mean "date-writer.pillion.dev/interval"?`) {
		t.Errorf("of a mistyped option: %+v", d)
	}
	if d := said[3]; d.Admitted || !strings.Contains(d.Denial, "git-poller.pillion.dev/repo") {
		t.Errorf("of a missing option: %+v", d)
	}
	if d := said[4]; d.Admitted || !strings.Contains(d.Denial, "spec.containers[0].name") {
		t.Errorf("of a pod that the API server denies: %+v", d)
	}
	if pods, err := clients.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); err != nil || len(pods.Items) > 0 {
		t.Errorf("%d pods are stored: %v", len(pods.Items), err)
	}
	if c := callPlugin(t, "explain", "-f", file, "--dry-run", "-n", ns, "--as", "nobody"); c.code != 2 || !strings.Contains(c.errOut, "cannot create resource") {
		t.Errorf("without rights: %+v", c)
	}
}
