// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/mistakes.md")

const mistakesPage = "../../docs/mistakes.md"

const mistakesHead = `<!-- Written by "go test ./test/integration -run TestThePageOfMistakes -update" from a real API server. Do not edit. -->

# What kubectl says about mistakes

Controllers create pods, and nobody reads a message about such a pod. Pillion therefore reviews the workload as well when it is
applied, and answers with warnings. It denies no workload: each pod is reviewed when it is created, and a denied one
is an event of its ReplicaSet, with the messages below.

In every example the namespace has the label ` + "`pillion.dev/policy: web`" + ` and the policy is that of
[examples/policies](../examples/policies/policies/web.yaml). ` + "`-`" + ` and ` + "`+`" + ` mark the change to this file:

`

const mistakesBase = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: site
spec:
  replicas: 1
  selector:
    matchLabels: {app: site}
  template:
    metadata:
      labels: {app: site}
      annotations:
        git-poller.pillion.dev/repo: https://github.com/acme/site.git
        git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    spec:
      containers:
      - name: web
        image: nginx:1.29
`

const (
	repoLine  = "        git-poller.pillion.dev/repo: https://github.com/acme/site.git\n"
	mountLine = "        git-poller.pillion.dev/mount-path: /usr/share/nginx/html\n"
	imageLine = "        image: nginx:1.29\n"
)

// change replaces lines of the file, or comes behind them.
type change struct{ old, new string }

func behindMount(lines string) []change { return []change{{mountLine, mountLine + lines}} }

var mistakes = []struct {
	title, remark string
	changes       []change
}{
	{"No mistake", "What will be added, and for which containers.", nil},
	{"A typo in the option", "A message names the nearest valid key.", behindMount("        git-poller.pillion.dev/perod: 1m\n")},
	{
		"A typo in the helper", "The second message follows from the first: the helper lacks a required option.",
		[]change{{repoLine, "        git-poler.pillion.dev/repo: https://github.com/acme/site.git\n"}},
	},
	{
		"A typo in the domain", "For Kubernetes such a key belongs to somebody else, and no pod with it is sent to Pillion. Only this warning notices it.",
		[]change{{repoLine + mountLine, strings.ReplaceAll(repoLine+mountLine, "pillion.dev", "pilion.dev")}},
	},
	{
		"On the workload instead of its pod template", "Without the warning the pods would silently start without their helper.",
		[]change{
			{"  name: site\n", "  name: site\n  annotations:\n" + strings.ReplaceAll(repoLine+mountLine, "        ", "    ")},
			{"      annotations:\n" + repoLine + mountLine, ""},
		},
	},
	{"A duration without a unit", "", behindMount("        git-poller.pillion.dev/period: \"60\"\n")},
	{"The path is taken", "", []change{{
		imageLine,
		imageLine + "        volumeMounts:\n        - {name: page, mountPath: /usr/share/nginx/html}\n      volumes:\n      - name: page\n        configMap: {name: page}\n",
	}}},
	{"A container that does not exist", "", behindMount("        git-poller.pillion.dev/containers: wbe\n")},
	{
		"A repository that the policy does not allow", "Repositories are compared part by part, so this is another host.",
		[]change{{repoLine, "        git-poller.pillion.dev/repo: https://github.com.evil.example/acme/site.git\n"}},
	},
	{"A period below the policy's minimum", "", behindMount("        git-poller.pillion.dev/period: 10s\n")},
	{"A helper that the policy does not allow", "", behindMount("        date-writer.pillion.dev/mount-path: /srv/date\n")},
	{
		"Two helpers on one path", "A second instance needs a path of its own.",
		behindMount("        docs.git-poller.pillion.dev/repo: https://github.com/acme/docs.git\n        docs.git-poller.pillion.dev/mount-path: /usr/share/nginx/html\n"),
	},
	{"Many mistakes at once", "The first ones, and how many more there are.", []change{{
		repoLine + mountLine,
		"        git-poller.pillion.dev/repo: git@github.com:acme/site.git\n        git-poller.pillion.dev/mount-path: usr/share/nginx/html\n" +
			"        git-poller.pillion.dev/period: 1d\n        git-poller.pillion.dev/writeable: \"true\"\n        git-poller.pillion.dev/wait: \"yes\"\n",
	}}},
}

// The page is what a real kubectl prints, talking to a real API server.
func TestThePageOfMistakes(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(mistakesHead + fence("yaml", mistakesBase))
	for _, m := range mistakes {
		manifest, hunks := mistakesBase, ""
		for _, c := range m.changes {
			if strings.Count(manifest, c.old) != 1 {
				t.Fatalf("%s: %q is not once in the file", m.title, c.old)
			}
			manifest = strings.Replace(manifest, c.old, c.new, 1)
			hunks += hunk(c)
		}
		stdout, warnings, err := plane.Kubectl(t.Context(), manifest, "apply", "-n", newNamespace(t, labelled("web")), "-f", "-")
		if err != nil {
			t.Fatalf("%s: a workload was denied: %v", m.title, err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n", m.title)
		if m.remark != "" {
			page.WriteString(m.remark + "\n\n")
		}
		if hunks != "" {
			page.WriteString(fence("diff", hunks) + "\n")
		}
		page.WriteString(fence("console", "$ kubectl apply -f site.yaml\n"+warnings+stdout))
	}
	page.WriteString("\n## Opting out of a required helper\n\nHere the namespace has the policy [audited](../examples/policies/policies/audited.yaml), which requires a `date-writer` in every pod.\n\n")
	const optOut = "        pillion.dev/inject: \"false\"\n"
	required := newNamespace(t, labelled("audited"))
	page.WriteString(fence("diff", hunk(change{mountLine, mountLine + optOut})) + "\n")
	page.WriteString(fence("console", "$ kubectl apply -f site.yaml\n"+
		kubectl(t, strings.Replace(mistakesBase, mountLine, mountLine+optOut, 1), "apply", "-n", required, "-f", "-")+"deployment.apps/site created\n"))
	ns := newNamespace(t, nil)
	page.WriteString("\n## A label that names no policy\n\nThe warning comes when the label is written, and at each apply in the namespace.\n\n")
	page.WriteString(fence("console", "$ kubectl label namespace shop pillion.dev/policy=wbe\n"+label(t, ns, "wbe")+"namespace/shop labeled\n$ kubectl apply -n shop -f site.yaml\n"+
		strings.ReplaceAll(kubectl(t, mistakesBase, "apply", "-n", ns, "-f", "-"), ns, "shop")+"deployment.apps/site created\n"))
	compareMistakes(t, page.String())
}

func fence(language, text string) string { return "```" + language + "\n" + text + "```\n" }

// hunk marks the lines that are gone and those that are new, behind a line that stays.
func hunk(c change) string {
	var out strings.Builder
	old, stays := c.old, ""
	if rest, found := strings.CutPrefix(c.new, c.old); found {
		stays, old, c.new = c.old, "", rest
	}
	for _, part := range []struct{ mark, text string }{{" ", stays}, {"-", old}, {"+", c.new}} {
		for line := range strings.Lines(part.text) {
			out.WriteString(part.mark + line)
		}
	}
	return out.String()
}

func compareMistakes(t *testing.T, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(mistakesPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(mistakesPage)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("docs/mistakes.md is not what kubectl says today; look at the difference, and run this test with -update (-page +kubectl):\n%s", d)
	}
}
