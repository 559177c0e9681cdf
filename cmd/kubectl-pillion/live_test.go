// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/version"
)

// fakeCluster answers GETs with the objects that lie at paths of the API, given as YAML;
// of all else it says that it is not found, or forbidden if the object is "forbidden".
// Lists come one item to a page.
type fakeCluster map[string]string

func (f fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, has := f[r.URL.Path]
	status := http.StatusOK
	switch {
	case r.Method != http.MethodGet:
		status, text = http.StatusMethodNotAllowed, "{apiVersion: v1, kind: Status, status: Failure, code: 405, message: only reading is expected}"
	case text == "forbidden":
		status, text = http.StatusForbidden, "{apiVersion: v1, kind: Status, status: Failure, reason: Forbidden, code: 403, message: jane may not}"
	case !has:
		status, text = http.StatusNotFound, "{apiVersion: v1, kind: Status, status: Failure, reason: NotFound, code: 404, message: it is not there}"
	}
	if strings.HasSuffix(r.URL.Path, "/log") && status == http.StatusOK {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(text))
		return
	}
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		status = http.StatusInternalServerError
	}
	if items, list := object["items"].([]any); list && len(items) > 1 {
		n, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		object["items"] = items[n : n+1]
		if n+1 < len(items) {
			object["metadata"] = map[string]any{"continue": strconv.Itoa(n + 1)}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

// flags start the cluster and name it.
func (f fakeCluster) flags(t *testing.T) []string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--kubeconfig", kubeconfig, "--server", server.URL, "-n", "shop"}
}

const (
	webhooksPath = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
	podsPath     = "/api/v1/namespaces/shop/pods"
)

// shop is a cluster with the webhook, two policies, and the namespace "shop" that picks
// the policy "web". Its pods are items of YAML flow style.
func shop(pods ...string) fakeCluster {
	const policies = `{default.yaml: "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: default}, spec: {helpers: {}}}", ` +
		`web.yaml: "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {date-writer: {}}}}", notes.txt: x}`
	entry := func(policy, selector string) string {
		return `{name: ` + policy + `.pillion.dev, clientConfig: {service: {namespace: pillion-system, name: w, path: /inject/` + policy + `}}, ` +
			`rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}], namespaceSelector: {matchExpressions: [` + selector + `]}}`
	}
	f := fakeCluster{
		webhooksPath: `{items: [{metadata: {name: other}, webhooks: []}, {metadata: {name: pillion, creationTimestamp: "2026-01-01T00:00:00Z"}, webhooks: [` +
			entry("default", "{key: pillion.dev/policy, operator: DoesNotExist}") + ", " + entry("web", "{key: pillion.dev/policy, operator: In, values: [web]}") + `]}]}`,
		"/api/v1/namespaces/shop": "{metadata: {name: shop, labels: {pillion.dev/policy: web}}}",
		"/apis/apps/v1/namespaces/pillion-system/deployments": `{items: [{metadata: {name: other}}, {metadata: {name: w}, spec: {template: {spec: {` +
			`containers: [{name: webhook, args: [--policy-dir, /policies], volumeMounts: [{name: p, mountPath: /policies}]}], volumes: [{name: p, configMap: {name: files}}]}}}}]}`,
		"/api/v1/namespaces/pillion-system/configmaps/files": "{data: " + policies + "}",
		"/api/v1/namespaces/shop/limitranges":                "{items: []}", "/api/v1/namespaces/shop/resourcequotas": "{items: []}",
		podsPath: "{items: [" + strings.Join(pods, ", ") + "]}",
	}
	for _, pod := range pods {
		var o corev1.Pod
		if yaml.Unmarshal([]byte(pod), &o) == nil {
			f[podsPath+"/"+o.Name] = pod
		}
	}
	return f
}

// podItem is a pod of the shop; more is further metadata.
func podItem(name, annotations, more string) string {
	return `{apiVersion: v1, kind: Pod, metadata: {name: ` + name + `, namespace: shop, uid: ` + name + `, creationTimestamp: "2026-02-01T00:00:00Z", annotations: {` + annotations + `}` + more + `}, spec: {containers: [{name: app, image: app}]}}`
}

const asksForDates = "date-writer.pillion.dev/mount-path: /html"

func TestExplainReadsThePoliciesOfTheCluster(t *testing.T) {
	t.Parallel()
	f := shop(podItem("web", asksForDates, ""))
	got := said(t, exitRefused, "", append(f.flags(t), "explain", "pod", "web")...)
	for _, want := range []string{
		"✗ Pod/web of namespace shop: Missing, no helper\n  Made now, it would be: Injected, Requested\n\nnote\n  ✗ NotInjected: ",
		"policy\n  web (ConfigMap pillion-system/files, HASH)\n  the namespace shop has the label pillion.dev/policy: web; the webhook web.pillion.dev is sent its pods\n",
		"    fix: delete the pod and create it again\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
}

func TestExplainOfAWorkloadTellsOfItsPods(t *testing.T) {
	t.Parallel()
	owned := func(kind, uid string) string {
		return `, ownerReferences: [{apiVersion: v1, kind: ` + kind + `, name: ` + uid + `, uid: ` + uid + `, controller: true}]`
	}
	template := "{metadata: {annotations: {" + asksForDates + "}}, spec: {containers: [{name: app, image: app}]}}"
	f := shop(
		podItem("of-the-job", asksForDates, owned("Job", "job-1")),
		podItem("of-another", asksForDates, owned("Job", "job-2")),
		podItem("of-none", asksForDates, ""),
	)
	f["/apis/batch/v1/namespaces/shop/cronjobs/nightly"] = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly, namespace: shop, uid: nightly}, spec: {jobTemplate: {spec: {template: " + template + "}}}}"
	f["/apis/batch/v1/namespaces/shop/jobs/job-1"] = "{apiVersion: batch/v1, kind: Job, metadata: {name: job-1, namespace: shop, uid: job-1}, spec: {template: " + template + "}}"
	f["/apis/batch/v1/namespaces/shop/jobs"] = "{items: [{metadata: {name: job-1, uid: job-1" + owned("CronJob", "nightly") + "}}, {metadata: {name: job-2, uid: job-2}}]}"
	for _, args := range [][]string{{"cj", "nightly"}, {"job/job-1"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			got := said(t, exitRefused, "", append(append(f.flags(t), "explain"), args...)...)
			if !strings.Contains(got, "\n  ✗ of-the-job: Missing") || strings.Contains(got, "of-another") || strings.Contains(got, "of-none") {
				t.Errorf("got\n%s", got)
			}
			if !strings.Contains(got, "fix: delete the pod: its Job makes a new one\n") {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

func TestAnnotationsOnWhatAnObjectComesFrom(t *testing.T) {
	t.Parallel()
	owner := func(kind, name string) string {
		return ", ownerReferences: [{apiVersion: apps/v1, kind: " + kind + ", name: " + name + ", uid: " + name + ", controller: true}]"
	}
	workload := func(kind, name, more string) string {
		return "{apiVersion: apps/v1, kind: " + kind + ", metadata: {name: " + name + ", namespace: shop, uid: " + name + ", annotations: {" + asksForDates + "}" + more +
			"}, spec: {template: {spec: {containers: [{name: app, image: app}]}}}}"
	}
	f := shop(podItem("pod", "a: b", owner("ReplicaSet", "set")))
	f["/apis/apps/v1/namespaces/shop/replicasets/set"] = workload("ReplicaSet", "set", owner("Deployment", "web"))
	f["/apis/apps/v1/namespaces/shop/replicasets"] = "{items: [" + workload("ReplicaSet", "set", owner("Deployment", "web")) + "]}"
	f["/apis/apps/v1/namespaces/shop/deployments/web"] = workload("Deployment", "web", "")
	for object, want := range map[string]string{
		"pod/pod":    "  ✗ AnnotationsOnWorkload: the annotations of the Deployment itself have no effect (Deployment/web)\n    fix: put them on its pod template, spec.template.metadata.annotations\n",
		"rs/set":     "  ✗ AnnotationsOnWorkload: the annotations of the Deployment itself have no effect (Deployment/web)\n",
		"deploy/web": "  ✗ AnnotationsOnWorkload: the annotations of the Deployment itself have no effect\n",
	} {
		t.Run("are told of to who asks about "+object, func(t *testing.T) {
			t.Parallel()
			got := said(t, exitRefused, "", append(f.flags(t), "explain", object)...)
			if strings.Count(got, "AnnotationsOnWorkload") != 1 || !strings.Contains(got, want) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

func TestStatusSaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	f := shop(podItem("web", asksForDates, ""))
	f[webhooksPath] = "{items: []}"
	r := call("", append(f.flags(t), "status")...)
	if want := "warning: the policies of the cluster are not known: there is no webhook of Pillion in the cluster; what has drifted is told from the newest pods\n"; r.code != exitRefused || r.errOut != want {
		t.Errorf("exit code %d, %q", r.code, r.errOut)
	}
	if !strings.Contains(r.out, "✗ NoWebhook: ") {
		t.Errorf("got\n%s", r.out)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	pod := podItem("web", asksForDates, "")
	for name, c := range map[string]struct {
		path string
		want string
	}{
		"the webhook configurations": {webhooksPath, "! NotLookedAt: whether the webhook is there: listing mutatingwebhookconfigurations: jane may not\n"},
		"the namespace":              {"/api/v1/namespaces/shop", "! NotLookedAt: which policy the namespace picks: reading the namespace shop: jane may not\n"},
		"the policies":               {"/api/v1/namespaces/pillion-system/configmaps/files", "! PolicyNotKnown: the policy \"web\" of the cluster is not known: reading the ConfigMap files of namespace pillion-system: jane may not; the built-in policy is used instead\n"},
		"the webhook's Deployment":   {"/apis/apps/v1/namespaces/pillion-system/deployments", "! PolicyNotKnown: the policy \"web\" of the cluster is not known: listing the deployments of namespace pillion-system: jane may not; the built-in policy is used instead\n"},
		"the other pods":             {podsPath, "! NotLookedAt: its pods: listing pods: jane may not\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shop(pod)
			f[c.path] = "forbidden"
			r := call("", append(f.flags(t), "explain", "pod", "web")...)
			if r.code == exitFailed || !strings.Contains(r.out, c.want) {
				t.Errorf("exit code %d, there is no %q in\n%s%s", r.code, c.want, r.out, r.errOut)
			}
		})
	}
	t.Run("the pod itself is exit code 2", func(t *testing.T) {
		t.Parallel()
		f := shop(pod)
		f[podsPath+"/web"] = "forbidden"
		if r := call("", append(f.flags(t), "explain", "pod", "web")...); r.code != exitFailed || r.errOut != "error: reading Pod web of namespace shop: jane may not\n" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a policy of the cluster that is wrong is stood in for", func(t *testing.T) {
		t.Parallel()
		f := shop(pod)
		f["/api/v1/namespaces/pillion-system/configmaps/files"] = `{data: {web.yaml: "kind: X"}}`
		if got := said(t, exitRefused, "", append(f.flags(t), "explain", "pod", "web")...); !strings.Contains(got, "is not known: ConfigMap pillion-system/files, web.yaml: apiVersion: Unsupported value") {
			t.Errorf("got\n%s", got)
		}
	})
}

func TestTheBuiltInPolicyIsKnownOfTheSameVersionOnly(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"registry.example:5000/pillion-webhook:" + version.String():               "",
		"pillion-webhook:" + version.String() + "@sha256:aa":                      "",
		"registry.example:5000/pillion-webhook:v0.0.1":                            "v0.0.1, and this is " + version.String(),
		"registry.example:5000/pillion-webhook@sha256:" + strings.Repeat("a", 64): "which its image does not tell, and this is " + version.String(),
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			f := shop(podItem("web", asksForDates, ""))
			f["/api/v1/namespaces/shop"] = "{metadata: {name: shop}}"
			f["/apis/apps/v1/namespaces/pillion-system/deployments"] = `{items: [{metadata: {name: w}, spec: {template: {spec: {containers: [{name: webhook, image: "` + image + `"}]}}}}]}`
			if want != "" {
				want = "warning: the policies of the cluster are not known: the webhook in namespace pillion-system has no --policy-dir, so it has the built-in policy of its own version, " +
					want + "; what has drifted is told from the newest pods\n"
			}
			if r := call("", append(f.flags(t), "status")...); r.errOut != want {
				t.Errorf("status says %q, want %q", r.errOut, want)
			}
			r := call("", append(f.flags(t), "explain", "pod", "web")...)
			if got := strings.Contains(r.out, "PolicyNotKnown"); got != (want != "") {
				t.Errorf("explain says\n%s", r.out)
			}
		})
	}
}

func TestStatusOfANamespace(t *testing.T) {
	t.Parallel()
	had := func(name, made, by string) string { return injectedItem(t, name, made, by) }
	f := shop(
		had("old", "2026-02-02T00:00:00Z", "v0.0.1"), had("new", "2026-02-03T00:00:00Z", "v0.9.0"),
		podItem("bare", asksForDates, ""), podItem("none", "a: b", ""),
	)
	got := said(t, exitRefused, "", append(f.flags(t), "status")...)
	want := `POD   STATE    HELPERS              VERSION  POLICY  HASH
old   Drifted  pillion-date-writer  v0.0.1   web     HASH
new   Current  pillion-date-writer  v0.9.0   web     HASH
bare  Missing  -                    -        -       -

shop/old
  ! MadeByOther: it was made by Pillion v0.0.1; newer pods, such as new, are by v0.9.0
    fix: delete the pod and create it again

shop/bare
  ✗ NotInjected: the pod requests a helper and has none: its annotations came after Pillion was called, or another webhook took everything away
    fix: delete the pod and create it again
`
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	t.Run("as names, for kubectl", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitRefused, "", append(f.flags(t), "status", "-o", "name")...); got != "pod/old\npod/new\npod/bare\n" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("with age and node", func(t *testing.T) {
		t.Parallel()
		got := said(t, exitRefused, "", append(f.flags(t), "status", "-o", "wide")...)
		if header, _, _ := strings.Cut(got, "\n"); !strings.HasSuffix(header, "  AGE  NODE") && !strings.Contains(header, "HASH") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("as YAML", func(t *testing.T) {
		t.Parallel()
		var pods []struct{ Name, State string }
		got := said(t, exitRefused, "", append(f.flags(t), "status", "-o", "yaml")...)
		if err := yaml.Unmarshal([]byte(got), &pods); err != nil || len(pods) != 3 || pods[2].State != "Missing" {
			t.Errorf("%v: %+v", err, pods)
		}
	})
	t.Run("of which no pod asks", func(t *testing.T) {
		t.Parallel()
		f := shop(podItem("none", "a: b", ""))
		if got := said(t, exitOK, "", append(f.flags(t), "status")...); got != "no pod requests a helper\n" {
			t.Errorf("got %q", got)
		}
		if got := said(t, exitOK, "", append(f.flags(t), "status", "-o", "json")...); got != "[]\n" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("of a cluster that is away is exit code 2", func(t *testing.T) {
		t.Parallel()
		f := shop()
		f[podsPath] = "forbidden"
		if r := call("", append(f.flags(t), "status")...); r.code != exitFailed || r.errOut != "error: listing pods: jane may not\n" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("names of objects complete", func(t *testing.T) {
		t.Parallel()
		f := shop(podItem("one", "a: b", ""), podItem("two", "a: b", ""))
		r := call("", append([]string{"__complete", "explain"}, append(f.flags(t), "pod", "")...)...)
		if !strings.HasPrefix(r.out, "one\ntwo\n:4\n") {
			t.Errorf("got %+v", r)
		}
	})
}

// injectedItem is a pod of the shop that was injected by a version of Pillion.
func injectedItem(t *testing.T, name, made, by string) string {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(podItem(name, asksForDates, "")))
	if err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(policy, []byte("{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {date-writer: {}}}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := injected(t, string(asJSON), "--policy", policy, "-o", "json")
	out = strings.ReplaceAll(out, version.String(), by)
	return strings.Replace(out, "2026-02-01T00:00:00Z", made, 1)
}

func TestStatusReadsEventsAndLogsOfPodsThatDoNotRun(t *testing.T) {
	t.Parallel()
	pod := strings.TrimSpace(injectedItem(t, "web", "2026-02-02T00:00:00Z", version.String()))
	pod = strings.TrimSuffix(pod, "}") + `, "status": {"phase": "Pending", "initContainerStatuses": [{"name": "pillion-date-writer", "state": {"running": {}}, "started": false}]}}`
	f := shop(pod)
	const events, log = "/api/v1/namespaces/shop/events", podsPath + "/web/log"
	f[events] = `{items: [{reason: Unhealthy, message: "Startup probe failed: nothing is written", involvedObject: {uid: web, fieldPath: "spec.initContainers{pillion-date-writer}"}},
		{reason: Unhealthy, message: "of a pod of the same name", involvedObject: {uid: earlier, fieldPath: "spec.initContainers{pillion-date-writer}"}}]}`
	f[log] = `{"level":"ERROR","msg":"write failed","error":"no space left\u001b[2J"}`
	got := said(t, exitRefused, "", append(f.flags(t), "status")...)
	want := `✗ NotRunningYet: the app waits for pillion-date-writer, which runs and is not ready (Startup probe failed: nothing is written): write failed: no space left\x1b[2J` +
		"\n    fix: kubectl -n shop logs web -c pillion-date-writer\n"
	if !strings.Contains(got, "web  Waiting  ") || !strings.Contains(got, want) {
		t.Errorf("got\n%s", got)
	}
	f[events], f[log] = "forbidden", "forbidden"
	if got := said(t, exitRefused, "", append(f.flags(t), "status")...); !strings.Contains(got, "which runs and is not ready\n") {
		t.Errorf("without the rights it says\n%s", got)
	}
	if got := said(t, exitRefused, "", append(f.flags(t), "explain", "pod", "web")...); !strings.HasPrefix(got, "✗ Pod/web of namespace shop: Waiting, pillion-date-writer") {
		t.Errorf("explain says\n%s", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	own := version.String()
	tagged := shop()
	deployments := "/apis/apps/v1/namespaces/pillion-system/deployments"
	tagged[deployments] = strings.Replace(tagged[deployments], "{name: webhook,", "{name: webhook, image: 'registry.example:5000/pillion:v9.8.7',", 1)
	bare := shop()
	bare[webhooksPath] = "{items: []}"
	for name, tt := range map[string]struct {
		cluster fakeCluster
		args    []string
		code    int
		want    string
	}{
		"both":                   {tagged, nil, exitOK, "kubectl pillion  " + own + "\nwebhook          v9.8.7 (namespace pillion-system)\n"},
		"the client alone":       {bare, []string{"--client"}, exitOK, "kubectl pillion  " + own + "\n"},
		"without a webhook":      {bare, nil, exitFailed, "kubectl pillion  " + own + "\nwebhook          not known: there is no webhook of Pillion in the cluster\n"},
		"an image without a tag": {shop(), nil, exitFailed, "kubectl pillion  " + own + "\nwebhook          not known: its image has no tag\n"},
		"as YAML":                {tagged, []string{"-o", "yaml"}, exitOK, "- client: " + own + "\n  namespace: pillion-system\n  webhook: v9.8.7\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call("", append(append(tt.cluster.flags(t), "version"), tt.args...)...)
			if r.code != tt.code || r.out != tt.want || r.errOut != "" {
				t.Errorf("got %+v, want\n%s", r, tt.want)
			}
		})
	}
}

// What is begun with is right.
func TestAPolicyIsBegun(t *testing.T) {
	t.Parallel()
	r := call("", "policy", "init", "web")
	if r.code != exitOK {
		t.Fatalf("got %+v", r)
	}
	if got := call(r.out, "policy", "lint", "--strict", "-"); got.code != exitOK || !strings.Contains(got.out, `policy "web"`) {
		t.Errorf("lint says %+v", got)
	}
	if got := call("", "policy", "init", "Web"); got.code != exitFailed || !strings.HasPrefix(got.errOut, `error: "Web" is no name of a policy`) {
		t.Errorf("got %+v", got)
	}
}

func TestFilesUnderThePoliciesOfTheCluster(t *testing.T) {
	t.Parallel()
	pod := func(namespace, annotation string) string {
		return strings.Replace(podOf("Pod", "v1", annotation), "  name: web\n", "  name: web\n  namespace: "+namespace+"\n", 1)
	}
	dates := pod("shop", asksForDates)
	f := shop()
	if r := call(dates, append(f.flags(t), "inject", "-f", "-", "--policy", "cluster")...); r.code != exitOK || !strings.Contains(r.out, "pillion-date-writer") {
		t.Errorf("inject: %+v", r)
	}
	if r := call(pod("shop", "git-poller.pillion.dev/repo: https://github.com/acme/site.git"), append(f.flags(t), "inject", "-f", "-", "--policy", "cluster")...); r.code != exitRefused || !strings.Contains(r.errOut, `policy "web" does not allow git-poller; it allows date-writer`) {
		t.Errorf("inject of what the namespace's policy does not allow: %+v", r)
	}
	if got := said(t, exitOK, dates, append(f.flags(t), "explain", "-f", "-", "--policy", "cluster")...); !strings.Contains(got, "web (ConfigMap pillion-system/files, HASH)") {
		t.Errorf("explain: %s", got)
	}
	if r := call(pod("elsewhere", asksForDates), append(f.flags(t), "inject", "-f", "-", "--policy", "cluster")...); r.code == exitOK || !strings.Contains(r.errOut, "reading the namespace elsewhere: it is not there") {
		t.Errorf("a namespace that cannot be read: %+v", r)
	}
	f[webhooksPath] = "{items: []}"
	if r := call(dates, append(f.flags(t), "inject", "-f", "-", "--policy", "cluster")...); r.code != exitFailed || r.errOut != "error: --policy cluster: the policies of the cluster are not known: there is no webhook of Pillion in the cluster\n" {
		t.Errorf("without a webhook: %+v", r)
	}
}
