// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/dashboard"
)

// boardOf is the board of a cluster, of the namespace shop alone or of all.
func boardOf(t *testing.T, f fakeCluster, oneNamespace bool) *board {
	t.Helper()
	var o dashboardOptions
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.cluster.Bind(flags)
	if err := flags.Parse(f.flags(t)); err != nil {
		t.Fatal(err)
	}
	client, err := o.cluster.Connect()
	if err != nil {
		t.Fatal(err)
	}
	b := newBoard(&o, client, oneNamespace)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.follow(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return b
}

func TestTheBoardShowsPodsAndPolicies(t *testing.T) {
	t.Parallel()
	v := boardOf(t, shop(podItem("web", asksForDates, ""), podItem("plain", "a: b", "")), true).View(t.Context())
	if v.Error != "" || v.Scope != "namespace shop" || v.Total != 1 || v.Attention != 1 || len(v.Notes) != 0 {
		t.Errorf("got %+v", v)
	}
	if p := v.Pods[0]; p.Name != "web" || p.State != "Missing" || p.Well || len(p.Findings) != 1 || p.Findings[0].Code != "NotInjected" || p.Findings[0].Fix == "" {
		t.Errorf("the pod is %+v", v.Pods[0])
	}
	if diff := cmp.Diff([]dashboard.Namespace{{Name: "shop", Policy: "web", Why: "the namespace shop has the label pillion.dev/policy: web; the webhook web.pillion.dev is sent its pods", Pods: 1}}, v.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	var policies []string
	for _, p := range v.Policies {
		policies = append(policies, fmt.Sprintf("%s %s %d", p.Name, p.Source, len(p.Helpers)))
	}
	if diff := cmp.Diff([]string{"default ConfigMap pillion-system/files 0", "web ConfigMap pillion-system/files 1"}, policies); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestTheBoardSaysWhatMayNotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forbidden []string
		one       bool
		scope     string
		want      []string // of the notes
		err       string
	}{
		"pods of all namespaces": {forbidden: []string{"/api/v1/pods"}, scope: "namespace shop", want: []string{"pods of other namespaces: listing pods: jane may not"}},
		"pods at all":            {forbidden: []string{"/api/v1/pods", podsPath}, scope: "namespace shop", err: "listing pods: jane may not"},
		"pods of the namespace":  {forbidden: []string{podsPath}, one: true, scope: "namespace shop", err: "listing pods: jane may not"},
		"all but the pods": {forbidden: []string{webhooksPath, "/api/v1/namespaces/shop", "/apis/apps/v1/namespaces/pillion-system/deployments"}, one: true, scope: "namespace shop", want: []string{
			"the policies of the cluster: listing the deployments of namespace pillion-system: jane may not; the built-in policy stands in for them",
			"whether the webhook is there: listing mutatingwebhookconfigurations: jane may not", "which policy the namespace picks: reading the namespace shop: jane may not",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shop(podItem("web", asksForDates, ""))
			for _, path := range c.forbidden {
				f[path] = "forbidden"
			}
			v := boardOf(t, f, c.one).View(t.Context())
			if v.Scope != c.scope || v.Error != c.err || c.err == "" && v.Total != 1 {
				t.Errorf("got %+v", v)
			}
			for _, want := range c.want {
				if !strings.Contains(strings.Join(v.Notes, "\n"), want) {
					t.Errorf("there is no %q in %q", want, v.Notes)
				}
			}
		})
	}
}

func TestTheBoardJudgesManifests(t *testing.T) {
	t.Parallel()
	b := boardOf(t, shop(), true)
	judge := func(t *testing.T, namespace, manifest string) *dashboard.Verdict {
		t.Helper()
		return b.Judge(t.Context(), namespace, manifest)
	}
	good := podOf("Pod", "v1")
	t.Run("a pod that gets its helper, with what is added", func(t *testing.T) {
		v := judge(t, "", good)
		if len(v.Objects) != 1 || !v.Objects[0].Good || v.Objects[0].Name != "Pod/web of namespace shop" || v.Objects[0].Policy != "web" {
			t.Fatalf("got %+v", v)
		}
		var added strings.Builder
		for _, h := range v.Objects[0].Hunks {
			for _, l := range h.Lines {
				if l.Op == '-' {
					t.Errorf("it takes away %q", l.Text)
				}
				if l.Op == '+' {
					added.WriteString(l.Text + "\n")
				}
			}
		}
		if !strings.Contains(added.String(), "- name: pillion-date-writer\n") {
			t.Errorf("added is\n%s", added.String())
		}
	})
	t.Run("a mistake in the second document has its line", func(t *testing.T) {
		v := judge(t, "", good+"---\n# one more\n"+podOf("Deployment", "apps/v1", "date-writer.pillion.dev/mount-pth: /html"))
		if len(v.Objects) != 2 || v.Objects[1].Good || len(v.Objects[1].Problems) == 0 {
			t.Fatalf("got %+v", v)
		}
		text := strings.Split(good+"---\n# one more\n"+podOf("Deployment", "apps/v1", "date-writer.pillion.dev/mount-pth: /html"), "\n")
		if line := v.Objects[1].Problems[0].Line; line == 0 || !strings.Contains(text[line-1], "mount-pth") {
			t.Errorf("the line is %d of\n%s", line, strings.Join(text, "\n"))
		}
	})
	t.Run("what is no YAML has its line", func(t *testing.T) {
		v := judge(t, "", good+"---\nkind: Pod\nmetadata:\n\tname: web\n")
		if text := strings.Split(good+"---\nkind: Pod\nmetadata:\n\tname: web\n", "\n"); v.Line == 0 || text[v.Line-1] != "\tname: web" || v.Error != "found character that cannot start any token" {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("a key that is there twice has its line", func(t *testing.T) {
		if v := judge(t, "", "kind: Pod\nkind: Pod\n"); v.Line != 2 || v.Error != `key "kind" already set in map` {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("the namespace of the manifest counts more than that of the box", func(t *testing.T) {
		v := judge(t, "elsewhere", strings.Replace(good, "  name: web\n", "  name: web\n  namespace: shop\n", 1))
		if len(v.Objects) != 1 || v.Objects[0].Policy != "web" {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("a manifest without a pod says so", func(t *testing.T) {
		if v := judge(t, "", "apiVersion: v1\nkind: Secret\n"); len(v.Objects) != 0 || len(v.Notes) != 1 {
			t.Errorf("got %+v", v)
		}
	})
	t.Run("half a manifest, as it is typed, is no failure", func(t *testing.T) {
		for n := range good {
			v := judge(t, "", good[:n])
			if v.Error == "" && len(v.Objects) == 0 && len(v.Notes) == 0 {
				t.Errorf("nothing is said of %q", good[:n])
			}
		}
	})
}
