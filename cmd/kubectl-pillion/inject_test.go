// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/version"
)

// workloads are the kinds that have pods, and where.
var workloads = []struct {
	kind, apiVersion string
	pod              []any
}{
	{"Pod", "v1", nil},
	{"Deployment", "apps/v1", []any{"spec", "template"}},
	{"StatefulSet", "apps/v1", []any{"spec", "template"}},
	{"DaemonSet", "apps/v1", []any{"spec", "template"}},
	{"ReplicaSet", "apps/v1", []any{"spec", "template"}},
	{"ReplicationController", "v1", []any{"spec", "template"}},
	{"Job", "batch/v1", []any{"spec", "template"}},
	{"CronJob", "batch/v1", []any{"spec", "jobTemplate", "spec", "template"}},
}

func TestInjectOfEveryWorkload(t *testing.T) {
	t.Parallel()
	for _, w := range workloads {
		t.Run("the pod of a "+w.kind+" is injected", func(t *testing.T) {
			t.Parallel()
			text := podOf(w.kind, w.apiVersion)
			for _, output := range []string{"yaml", "json"} {
				got := documentsOf(t, injected(t, text, "-o", output))
				if len(got) != 1 {
					t.Fatalf("%d documents", len(got))
				}
				pod := at(got[0], w.pod...)
				if name := at(pod, "spec", "initContainers", 0, "name"); name != "pillion-date-writer" {
					t.Errorf("-o %s: the first init container is %v", output, name)
				}
				if path := at(pod, "spec", "containers", 0, "volumeMounts", 0, "mountPath"); path != "/html" {
					t.Errorf("-o %s: the app's first mount is at %v", output, path)
				}
				if at(pod, "metadata", "annotations", inject.StatusAnnotation) == nil {
					t.Errorf("-o %s: no status", output)
				}
			}
		})
		t.Run("what is injected once stays as it is: "+w.kind, func(t *testing.T) {
			t.Parallel()
			once := injected(t, podOf(w.kind, w.apiVersion))
			if diff := cmp.Diff(once, injected(t, once)); diff != "" {
				t.Errorf("(-once +twice):\n%s", diff)
			}
		})
	}
}

// One core, one answer: the webhook sends a patch with which the pod becomes what the
// command prints.
func TestInjectAgreesWithTheWebhook(t *testing.T) {
	t.Parallel()
	text := podOf("Pod", "v1")
	pod, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(webhook(t, pod).Patch)
	if err != nil {
		t.Fatal(err)
	}
	patched, err := patch.Apply(pod)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(documentsOf(t, string(patched)), documentsOf(t, injected(t, text))); diff != "" {
		t.Errorf("(-webhook +command):\n%s", diff)
	}
}

// webhook asks the admission handler about a pod.
func webhook(t *testing.T, pod []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	p := policy.Builtin()
	h := admission.NewHandler(admission.Options{Policies: map[string]*inject.Policy{p.Name: p}, Version: version.String()})
	body := []byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","operation":"CREATE",` +
		`"resource":{"version":"v1","resource":"pods"},"object":` + string(pod) + `}}`)
	r := httptest.NewRequest(http.MethodPost, "/inject/"+p.Name, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &review); err != nil || review.Response == nil {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return review.Response
}

// wantDenials wants one line for each mistake of a text: its place, and a sentence of the webhook's
// message, all of which are there.
func wantDenials(t *testing.T, text, object, message string) {
	t.Helper()
	r := call(text, "inject", "-f", "-")
	if r.code != exitRefused || r.out != "" {
		t.Errorf("got %+v", r)
	}
	lines := strings.Split(text, "\n")
	for said := range strings.Lines(r.errOut) {
		var n int
		if _, err := fmt.Sscanf(said, "error: standard input:%d: "+object+": ", &n); err != nil {
			t.Fatalf("%q has no place: %v", said, err)
		}
		_, sentence, _ := strings.Cut(strings.TrimSpace(said), object+": ")
		before, after, found := strings.Cut(message, sentence)
		if !found {
			t.Errorf("the webhook's message has no %q", sentence)
		}
		message = before + after
		_, rest, _ := strings.Cut(sentence, "[")
		if key, _, _ := strings.Cut(rest, "]"); !strings.Contains(lines[n-1], key) && !strings.Contains(lines[n-1], "annotations:") {
			t.Errorf("line %d is %q, and the mistake is of %s", n, lines[n-1], key)
		}
	}
	if strings.Contains(message, "metadata.annotations[") {
		t.Errorf("not said is %q", message)
	}
}

func TestRefusedPods(t *testing.T) {
	t.Parallel()
	for name, annotation := range map[string]string{
		"one mistake":    "date-writer.pillion.dev/mount-path: html",
		"three mistakes": "date-writer.pillion.dev/mount-path: /etc\n    date-writer.pillion.dev/fiel: x\n    date-writer.pillion.dev/interval: \"1\"",
		"a policy's no":  "git-poller.pillion.dev/repo: http://git.example/site\n    git-poller.pillion.dev/mount-path: /html",
	} {
		t.Run(name+" in a pod: the sentences of the webhook, exit code 1, no output", func(t *testing.T) {
			t.Parallel()
			text := podOf("Pod", "v1", annotation)
			pod, err := yaml.YAMLToJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			wantDenials(t, text, "Pod/web", webhook(t, pod).Result.Message)
		})
		t.Run(name+" in a workload: the same, with the path of the pod template", func(t *testing.T) {
			t.Parallel()
			pod, err := yaml.YAMLToJSON([]byte(podOf("Pod", "v1", annotation)))
			if err != nil {
				t.Fatal(err)
			}
			message := strings.ReplaceAll(webhook(t, pod).Result.Message, "metadata.annotations", "spec.jobTemplate.spec.template.metadata.annotations")
			wantDenials(t, podOf("CronJob", "batch/v1", annotation), "CronJob/web", message)
		})
	}
	t.Run("all objects are reviewed, and nothing is printed if one is denied", func(t *testing.T) {
		t.Parallel()
		bad := "date-writer.pillion.dev/mount-path: html"
		r := call(podOf("Pod", "v1")+"---\n"+podOf("Job", "batch/v1", bad)+"---\n"+podOf("Deployment", "apps/v1", bad), "inject", "-f", "-")
		if r.code != exitRefused || r.out != "" || strings.Count(r.errOut, "\n") != 2 ||
			!strings.Contains(r.errOut, "standard input:20: Job/web: ") || !strings.Contains(r.errOut, "standard input:34: Deployment/web: ") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("an item of a List is named with its path", func(t *testing.T) {
		t.Parallel()
		r := call(`{"apiVersion":"v1","kind":"List","items":[{"kind":"ConfigMap"},{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generateName":"web-"},`+
			`"spec":{"template":{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"html"}},"spec":{"containers":[{"name":"web"}]}}}}]}`, "inject", "-f", "-")
		want := `error: standard input:1: Deployment/web-*: items[1].spec.template.metadata.annotations[date-writer.pillion.dev/mount-path]: Invalid value: "html": `
		if r.code != exitRefused || !strings.HasPrefix(r.errOut, want) {
			t.Errorf("got %+v", r)
		}
	})
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    date-writer.pillion.dev/mount-path: /html\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n"
	for name, c := range map[string]struct{ text, want string }{
		"annotations on the workload itself": {deployment, "warning: Deployment/web (standard input, document 1): the annotations of the Deployment itself have no effect; put them on its pod template, spec.template.metadata.annotations\n"},
		"annotations on the Jobs of a CronJob": {
			"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: web}\nspec: {jobTemplate: {metadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}, spec: {template: {spec: {containers: [{name: web}]}}}}}\n",
			"warning: CronJob/web (standard input, document 1): the annotations of the CronJob itself have no effect; put them on its pod template, spec.jobTemplate.spec.template.metadata.annotations\n",
		},
		"a mistyped domain in a template": {
			strings.Replace(deployment, "\n  annotations:\n    date-writer.pillion.dev/mount-path: /html\nspec:\n  template:\n", "\nspec:\n  template:\n    metadata: {annotations: {date-writer.pilion.dev/mount-path: /html}}\n", 1),
			"warning: standard input:7: Deployment/web: the annotation date-writer.pilion.dev/mount-path does nothing; did you mean date-writer.pillion.dev/mount-path?\n",
		},
		"a mistyped domain on a pod": {
			podOf("Pod", "v1", "date-writer.pillion.io/mount-path: /html"),
			"warning: standard input:6: Pod/web: the annotation date-writer.pillion.io/mount-path does nothing; did you mean date-writer.pillion.dev/mount-path?\n",
		},
		"the status alone on the workload": {strings.Replace(deployment, "date-writer.pillion.dev/mount-path", "pillion.dev/status", 1), ""},
		"a Windows pod": {
			podOf("Pod", "v1") + "  os:\n    name: windows\n",
			"warning: Pod/web (standard input, document 1): pillion: helpers are Linux containers; this Windows pod gets none\n",
		},
		"nothing to warn of": {podOf("Pod", "v1"), ""},
		"a label of the template": {
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {pillion.dev/inject: \"false\"}}, spec: {containers: [{name: web}]}}}\n",
			"warning: standard input:4: Deployment/web: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations\n",
		},
		"a Service": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {git-poller.pillion.dev: x}}\n",
			"warning: standard input:3: Service/web: git-poller.pillion.dev does nothing on a Service; annotations of Pillion belong on the pod template of a workload\n",
		},
		"kinds of others without a pod": {
			podOf("Pod", "v1") + "---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: b}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {workloadRef: {name: web}}\n",
			"note: not judged, since no pod template is to be seen in them: Certificate of cert-manager.io/v1, Rollout of argoproj.io/v1alpha1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(c.text, "inject", "-f", "-")
			if r.code != exitOK || r.errOut != c.want || r.out == "" {
				t.Errorf("exit code %d, %q\nwant %q", r.code, r.errOut, c.want)
			}
		})
	}
	t.Run("a workload whose own annotations have no effect is printed as it is", func(t *testing.T) {
		t.Parallel()
		if got := injected(t, deployment); got != deployment {
			t.Errorf("got\n%s", got)
		}
	})
}

// Their kinds are known to nobody here: what has a pod template is injected.
func TestKindsOfOthersAreInjected(t *testing.T) {
	t.Parallel()
	const template = "{metadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}, spec: {containers: [{name: web, image: i}]}}"
	for name, c := range map[string]struct {
		text string
		at   [][]any
	}{
		"an Argo Rollout":         {"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {template: " + template + "}\n", [][]any{{"spec", "template"}}},
		"a StatefulSet of Kruise": {"apiVersion: apps.kruise.io/v1beta1\nkind: StatefulSet\nspec: {template: " + template + "}\n", [][]any{{"spec", "template"}}},
		"a Knative Service":       {"apiVersion: serving.knative.dev/v1\nkind: Service\nspec: {template: " + template + "}\n", [][]any{{"spec", "template"}}},
		"a PodTemplate":           {"apiVersion: v1\nkind: PodTemplate\ntemplate: " + template + "\n", [][]any{{"template"}}},
		"a JobSet with two templates": {
			"apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nspec: {replicatedJobs: [{template: {spec: {template: " + template + "}}}, {template: {spec: {template: " + template + "}}}]}\n",
			[][]any{{"spec", "replicatedJobs", 0, "template", "spec", "template"}, {"spec", "replicatedJobs", 1, "template", "spec", "template"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := documentsOf(t, injected(t, c.text))
			for _, place := range c.at {
				if name := at(got[0], append(place, "spec", "initContainers", 0, "name")...); name != "pillion-date-writer" {
					t.Errorf("at %v the first init container is %v", place, name)
				}
			}
		})
	}
}

func TestPolicyFile(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const head = "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec:\n"
	t.Run("its image is used", func(t *testing.T) {
		t.Parallel()
		file := write(head + "  image: registry.example/helper:v9\n  helpers: {date-writer: {}}\n")
		got := documentsOf(t, injected(t, podOf("Pod", "v1"), "--policy", file))
		if image := at(got[0], "spec", "initContainers", 0, "image"); image != "registry.example/helper:v9" {
			t.Errorf("image %v", image)
		}
	})
	t.Run("it denies what it does not list", func(t *testing.T) {
		t.Parallel()
		r := call(podOf("Pod", "v1"), "inject", "-f", "-", "--policy", write(head+"  helpers: {git-poller: {}}\n"))
		if r.code != exitRefused || !strings.Contains(r.errOut, `policy "web" does not allow date-writer; it allows git-poller`) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a mistake in it is no denial: exit code 2", func(t *testing.T) {
		t.Parallel()
		file := write(head + "  helpres: {}\n")
		want := result{exitFailed, "", "error: policy file " + file + ": line 5: spec: unknown field \"helpres\"; did you mean \"helpers\"?\n"}
		if diff := cmp.Diff(want, call(podOf("Pod", "v1"), "inject", "-f", "-", "--policy", file), cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Namespaces among the documents pick their policies, as in a cluster.
func TestInjectUnderADirectoryOfPolicies(t *testing.T) {
	t.Parallel()
	of := func(name, helpers string) string {
		return "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: " + name + "}\nspec: {helpers: {" + helpers + "}}\n"
	}
	dir := manifests(t, map[string]string{"default.yaml": of("default", ""), "web.yaml": of("web", "date-writer: {}")})
	namespace := func(name, label string) string {
		return "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + label + "}}\n"
	}
	pod := func(name, namespace string) string {
		return "---\n" + strings.Replace(podOf("Pod", "v1"), "  name: web\n", "  name: "+name+"\n  namespace: "+namespace+"\n", 1)
	}
	r := call(namespace("shop", "pillion.dev/policy: web")+pod("a", "shop"), "inject", "-f", "-", "--policy", dir)
	if r.code != exitOK || !strings.Contains(r.out, "pillion-date-writer") {
		t.Errorf("in a namespace that picks the policy web: %+v", r)
	}
	r = call(namespace("shop", "pillion.dev/policy: nobody")+pod("a", "shop")+pod("b", "other"), "inject", "-f", "-", "--policy", dir)
	for _, want := range []string{
		`error: Pod/a (standard input, document 2): the namespace shop has the label pillion.dev/policy: nobody: the policy "nobody" does not exist (` + dir + `); there is default, web` + "\n",
		"error: standard input:24: Pod/b: metadata.annotations[date-writer.pillion.dev/mount-path]: ",
	} {
		if r.code != exitRefused || !strings.Contains(r.errOut, want) {
			t.Errorf("got  %+v\nwant %q", r, want)
		}
	}
}
