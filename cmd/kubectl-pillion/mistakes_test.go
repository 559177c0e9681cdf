// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/explain"
)

// unquoted is a Deployment whose author forgot quotes in all ways there are.
const unquoted = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: 5}
spec:
  replicas: "3"
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations:
        prometheus.io/scrape: true
        git-poller.pillion.dev/repo: https://github.com/acme/site.git
        git-poller.pillion.dev/mount-path: html
        git-poller.pillion.dev/wait: yes
        git-poller.pillion.dev/depth: 0x05
        git-poller.pillion.dev/period: 1.5
        git-poller.pillion.dev/ref: 2026-11-30
        git-poller.pillion.dev/subdir: null
        git-poller.pillion.dev/containers: [web, log]
        date-writer.pillion.dev:
          mount-path: /log
        other.example/nothing:
    spec:
      terminationGracePeriodSeconds: 1.5
      containers:
      - name: web
        image: nginx
        env: [{name: A, value: 5}]
        resources: {limits: {memory: much}}
        ports: {containerPort: 80}
      - name: log
        image: nginx
`

// wrongOfUnquoted are all its values of a wrong type, without the place.
var wrongOfUnquoted = []string{
	`5: metadata.labels[app]: expected a string, got the number 5; labels are strings; write "5" in quotes`,
	`7: spec.replicas: expected a whole number, got the string "3"`,
	`13: spec.template.metadata.annotations[prometheus.io/scrape]: expected a string, got the boolean true; annotations are strings; write "true" in quotes`,
	`16: spec.template.metadata.annotations[git-poller.pillion.dev/wait]: expected a string, got the boolean true, written yes; annotations are strings; write "true" in quotes`,
	`17: spec.template.metadata.annotations[git-poller.pillion.dev/depth]: expected a string, got the number 0x05; annotations are strings; write "0x05" in quotes`,
	`18: spec.template.metadata.annotations[git-poller.pillion.dev/period]: expected a string, got the number 1.5; annotations are strings; write "1.5" in quotes`,
	`20: spec.template.metadata.annotations[git-poller.pillion.dev/subdir]: expected a string, got nothing (null); annotations are strings; write one in quotes, or remove the key`,
	`21: spec.template.metadata.annotations[git-poller.pillion.dev/containers]: expected a string, got a list; annotations are strings; write one, such as "web,log"`,
	`22: spec.template.metadata.annotations[date-writer.pillion.dev]: expected a string, got a mapping; annotations are strings; write a key for each option, such as date-writer.pillion.dev/mount-path`,
	`26: spec.template.spec.terminationGracePeriodSeconds: expected a whole number, got the number 1.5`,
	`30: spec.template.spec.containers[0].env[0].value: expected a string, got the number 5; write "5" in quotes`,
	`31: spec.template.spec.containers[0].resources.limits[memory]: expected a quantity, such as 100m or 64Mi, got the string "much"`,
	`32: spec.template.spec.containers[0].ports: expected a list, got a mapping`,
}

// annotationsAlone is it without what is not an annotation, so that its pods can be judged.
func annotationsAlone() string {
	text := unquoted
	for _, line := range []string{"        resources: {limits: {memory: much}}\n", "        ports: {containerPort: 80}\n"} {
		text = strings.Replace(text, line, "", 1)
	}
	return text
}

func TestAllValuesOfAWrongTypeAreNamed(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"inject", "diff"} {
		t.Run("by "+verb, func(t *testing.T) {
			t.Parallel()
			r := call(unquoted, verb, "-f", "-")
			var want string
			for _, text := range wrongOfUnquoted {
				line, rest, _ := strings.Cut(text, ": ")
				want += "error: standard input:" + line + ": Deployment/web: " + rest + "\n"
			}
			if diff := cmp.Diff(sorted(want), sorted(r.errOut)); r.code != exitFailed || r.out != "" || diff != "" {
				t.Errorf("exit code %d, output %q (-want +got):\n%s", r.code, r.out, diff)
			}
		})
	}
	t.Run("by explain", func(t *testing.T) {
		t.Parallel()
		var reports []explain.Report
		r := call(unquoted, "explain", "-f", "-", "-o", "json")
		if err := json.Unmarshal([]byte(r.out), &reports); err != nil || len(reports) != 1 || r.code != exitFailed || r.errOut != "" {
			t.Fatalf("%v: %+v", err, r)
		}
		var got string
		for _, m := range reports[0].Mistakes {
			got += strings.TrimPrefix(m.Place, "standard input:") + ": " + m.Field + ": " + m.Text + "\n"
		}
		if diff := cmp.Diff(sorted(strings.Join(wrongOfUnquoted, "\n")), sorted(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	for _, c := range []struct{ name, want string }{
		{"github", "::error file=standard input,line=16::Deployment/web: spec.template.metadata.annotations[git-poller.pillion.dev/wait]: expected a string, got the boolean true, written yes;"},
		{"sarif", `"startLine": 16`},
		{"junit", "line 16: Deployment/web: spec.template.metadata.annotations[git-poller.pillion.dev/wait]"},
	} {
		t.Run("by explain -o "+c.name, func(t *testing.T) {
			t.Parallel()
			if r := call(unquoted, "explain", "-f", "-", "-o", c.name); r.code != exitFailed || !strings.Contains(r.out, c.want) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestAllElseIsJudgedAsIfItWereQuoted(t *testing.T) {
	t.Parallel()
	r := call(annotationsAlone(), "explain", "-f", "-")
	for _, want := range []string{
		"✗ Deployment/web (standard input, document 1): the API server rejects it; once that is corrected: Denied, InvalidValue\n",
		"\nrejected because\n  ✗ standard input:5: metadata.labels[app]: expected a string",
		`  ✗ standard input:15: spec.template.metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "html": `,
		`  ✗ standard input:17: spec.template.metadata.annotations[git-poller.pillion.dev/depth]: Invalid value: "0x05": `,
		`  ✗ standard input:18: spec.template.metadata.annotations[git-poller.pillion.dev/period]: Invalid value: "1.5": must be a duration with a unit`,
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("there is no %q", want)
		}
	}
	for _, wrong := range []string{"[git-poller.pillion.dev/subdir]: Invalid", "[git-poller.pillion.dev/containers]: Invalid", "[git-poller.pillion.dev/wait]: Invalid", "[date-writer.pillion.dev]: Forbidden"} {
		if strings.Contains(r.out, wrong) {
			t.Errorf("it judges what has no value: %q", wrong)
		}
	}
	if t.Failed() {
		t.Log(r.out)
	}
}

func TestWhatTheAPIServerDecodesIsNoMistake(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a field of a newer Kubernetes": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: i, newer: [1, {a: b}]}]}\n",
		"null":                          "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: null, annotations: {other.example/a: }}\nspec: {containers: [{name: a, image: i, env: null}], volumes: }\n",
		"ports and quantities in both forms": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: null}\nspec: {containers: [{name: a, image: i, resources: {limits: {cpu: 1, memory: 1Gi}}, " +
			"livenessProbe: {httpGet: {port: 80}}, readinessProbe: {httpGet: {port: http}}}]}\n",
		"a date, which is a string":         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {a: 2026-11-30}}\ndata: {a: 5}\n",
		"a custom resource of other fields": "apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: many}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documents, err := readDocuments("a.yaml", strings.NewReader(text))
			if err != nil || len(documents[0].mistakes) > 0 {
				t.Errorf("%v: %+v", err, documents)
			}
		})
	}
}

func TestOtherObjectsHaveMetadataToo(t *testing.T) {
	t.Parallel()
	text := "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata:\n    name: web\n    annotations:\n      a.example/b: on\n" +
		"- apiVersion: argoproj.io/v1alpha1\n  kind: Rollout\n  metadata: {name: web}\n  spec:\n    template:\n      metadata:\n        annotations: {git-poller.pillion.dev/wait: 1}\n      spec: {containers: [{name: web, image: i}]}\n"
	r := call(text, "inject", "-f", "-")
	for _, want := range []string{
		`error: standard input:9: Service/web: items[0].metadata.annotations[a.example/b]: expected a string, got the boolean true, written on; annotations are strings; write "true" in quotes` + "\n",
		`error: standard input:16: Rollout/web: items[1].spec.template.metadata.annotations[git-poller.pillion.dev/wait]: expected a string, got the number 1; annotations are strings; write "1" in quotes` + "\n",
		`git-poller.pillion.dev/wait]: Invalid value: "1": must be "true" or "false"`,
	} {
		if !strings.Contains(r.errOut, want) {
			t.Errorf("there is no %q in\n%s", want, r.errOut)
		}
	}
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	const shown = "::error file=standard input,line=9::Service/web: items[0].metadata.annotations[a.example/b]: expected a string"
	if r := call(text, "explain", "-f", "-", "-o", "github"); r.code != exitFailed || !strings.Contains(r.out, shown) {
		t.Errorf("got %+v", r)
	}
}

func TestACommandThatNeedsAValidManifestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := manifests(t, map[string]string{
		"web.yaml":   unquoted,
		"policy.yml": "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {helpers: {date-writer: {}}}\n",
		"test.yaml":  "apiVersion: pillion.dev/v1alpha1\nkind: PolicyTest\npolicy: policy.yml\ncases:\n- {name: a, file: web.yaml, want: {result: Denied}}\n",
	})
	for _, args := range [][]string{
		{"uninject", "-f", dir + "/web.yaml"},
		{"try", "-f", dir + "/web.yaml"},
		{"policy", "test", dir + "/test.yaml"},
		{"explain", "--dry-run", "-f", dir + "/web.yaml"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			r := call("", args...)
			if r.code != exitFailed || r.out != "" || strings.Count(r.errOut, "web.yaml:") != len(wrongOfUnquoted) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestATemplateOfHelmIsSaidToBeOne(t *testing.T) {
	t.Parallel()
	const template = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n"
	const hint = "this is a Helm template: render it, and give the output: helm template CHART | kubectl pillion … -f -"
	dir := manifests(t, map[string]string{"pod.yaml": template, "tests/test.yaml": "kind: PolicyTest\npolicy: {{ .Values.policy }}\n"})
	for _, args := range [][]string{
		{"explain", "-f", dir + "/pod.yaml"},
		{"inject", "-f", dir},
		{"diff", "-f", dir + "/pod.yaml"},
		{"uninject", "-f", dir + "/pod.yaml"},
		{"policy", "lint", dir + "/pod.yaml"},
		{"policy", "test", dir + "/tests/test.yaml"},
		{"explain", "-f", "-", "--policy", dir + "/pod.yaml"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Parallel()
			if r := call("", args...); r.code == exitOK || !strings.Contains(r.errOut+r.out, hint) {
				t.Errorf("got %+v", r)
			}
		})
	}
	t.Run("of which all is in quotes", func(t *testing.T) {
		t.Parallel()
		r := call(podOf("Pod", "v1", `date-writer.pillion.dev/mount-path: "{{ .Values.path }}"`), "explain", "-f", "-")
		if !strings.Contains(r.out, "this looks like a Helm template") {
			t.Errorf("got %+v", r)
		}
	})
}

// The agent of Vault fills in annotations of pods that nobody has to render.
func TestATemplateOfAnotherProgramIsNoTemplateOfHelm(t *testing.T) {
	t.Parallel()
	pod := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    vault.hashicorp.com/agent-inject-template-db: |\n      {{- with secret \"db\" -}}{{ .Data.user }}{{- end }}\n    date-writer.pillion.dev/mount-path: /html\nspec: {containers: [{name: web, image: i}]}\n"
	if r := call(pod, "explain", "-f", "-"); r.code != exitOK || strings.Contains(r.out, "Helm") {
		t.Errorf("got %+v", r)
	}
}

// A key in a field that no kind has is rejected or dropped by the API server, before any webhook.
func TestKeysAtAWrongPlaceAreToldWithTheRightOne(t *testing.T) {
	t.Parallel()
	deployment := func(before, template, podSpec string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n" + before + "spec:\n  template:\n" + template + "    spec:\n" + podSpec + "      containers: [{name: web, image: i}]\n"
	}
	const in = "annotations: {date-writer.pillion.dev/mount-path: /html, date-writer.pillion.dev/file: a}\n"
	const right = "spec.template.metadata.annotations"
	const two = "date-writer.pillion.dev/file and 1 more do nothing in "
	for name, c := range map[string]struct{ text, want string }{
		"the pod's spec":        {deployment("", "", "      "+in), "8: Deployment/web: " + two + "spec.template.spec.annotations; move to " + right + " (line 6)"},
		"the template":          {deployment("", "    "+in, ""), "7: Deployment/web: " + two + "spec.template.annotations; move to " + right + " (line 6)"},
		"the workload's spec":   {strings.Replace(deployment("", "", ""), "spec:\n", "spec:\n  "+in, 1), "6: Deployment/web: " + two + "spec.annotations; move to " + right + " (line 7)"},
		"the metadata itself":   {deployment("", "    metadata:\n      date-writer.pillion.dev/file: a\n", ""), "8: Deployment/web: date-writer.pillion.dev/file does nothing in spec.template.metadata; move to " + right + " (line 7)"},
		"a misspelt field":      {deployment("", "    metadata:\n      "+strings.Replace(in, "annotations", "annotation", 1), ""), "8: Deployment/web: " + two + "spec.template.metadata.annotation; move to " + right + " (line 7)"},
		"a selector":            {deployment("", "    metadata: {annotations: {a: b}}\n", "      nodeSelector: {date-writer.pillion.dev/file: a}\n"), "9: Deployment/web: date-writer.pillion.dev/file does nothing in spec.template.spec.nodeSelector; move to " + right + " (line 7)"},
		"a pod's spec of a Pod": {"kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec:\n  " + in + "  containers: [{name: web, image: i}]\n", "5: Pod/web: " + two + "spec.annotations; move to metadata.annotations (line 3)"},
		"a label":               {deployment("  labels: {pillion.dev/inject: \"false\"}\n", "", ""), "5: Deployment/web: the label pillion.dev/inject does nothing; write it as an annotation, in " + right},
		"a mistyped domain":     {podOf("Pod", "v1", "git-poller.pilion.dev/repo: a"), "6: Pod/web: the annotation git-poller.pilion.dev/repo does nothing; did you mean git-poller.pillion.dev/repo?"},
	} {
		for _, verb := range []string{"inject", "diff", "explain", "sarif"} {
			t.Run(name+", by "+verb, func(t *testing.T) {
				t.Parallel()
				switch verb {
				case "explain":
					place, rest, _ := strings.Cut(c.want, ": ")
					_, text, _ := strings.Cut(rest, ": ")
					if r := call(c.text, verb, "-f", "-"); r.code != exitOK || !strings.HasPrefix(r.out, "! ") || !strings.Contains(r.out, "\nnote\n  ! standard input:"+place+": "+text+"\n") || r.errOut != "" {
						t.Errorf("got %+v", r)
					}
				case "sarif":
					if r := call(c.text, "explain", "-f", "-", "-o", verb); r.code != exitOK || !strings.Contains(r.out, `"ruleId": "pod-warning"`) {
						t.Errorf("got %+v", r)
					}
				default:
					if r := call(c.text, verb, "-f", "-"); r.code != exitOK || r.errOut != "warning: standard input:"+c.want+"\n" {
						t.Errorf("got %+v", r)
					}
				}
			})
		}
	}
	t.Run("a custom resource may have annotations anywhere", func(t *testing.T) {
		t.Parallel()
		r := call("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {canaryMetadata: {annotations: {date-writer.pillion.dev/mount-path: /a}}}}, template: {spec: {containers: [{name: web, image: i}]}}}\n", "inject", "-f", "-")
		if r.code != exitOK || r.errOut != "" {
			t.Errorf("got %+v", r)
		}
	})
}

// sorted are the lines of a text in an order.
func sorted(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}
