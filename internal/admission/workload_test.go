// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// resources are the kinds with a pod template, with group and resource.
var resources = map[string][2]string{
	"Deployment": {"apps", "deployments"}, "StatefulSet": {"apps", "statefulsets"}, "DaemonSet": {"apps", "daemonsets"},
	"ReplicaSet": {"apps", "replicasets"}, "Job": {"batch", "jobs"}, "CronJob": {"batch", "cronjobs"},
	"ReplicationController": {"", "replicationcontrollers"}, "PodTemplate": {"", "podtemplates"},
	"Rollout": {"argoproj.io", "rollouts"}, "JobSet": {"jobset.x-k8s.io", "jobsets"}, "Database": {"acme.example", "databases"},
}

// reviewOfA is the review that the API server sends about a workload: a new one if
// there is no old object.
func reviewOfA(kind, object, old string) []byte {
	operation := "UPDATE"
	if old == "" {
		operation, old = "CREATE", "null"
	}
	r := resources[kind]
	return fmt.Appendf(nil, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":%q,`+
		`"kind":{"group":%q,"version":"v1","kind":%q},"resource":{"group":%q,"version":"v1","resource":%q},`+
		`"name":"web","namespace":"site","operation":%q,"object":%s,"oldObject":%s}}`, testUID, r[0], kind, r[0], r[1], operation, object, old)
}

const (
	noneAsked = `{"containers":[{"name":"web"}]}`
	gitAsked  = `"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/srv"`
)

// deploymentOf has annotations of its own, and a template with annotations and a spec.
func deploymentOf(own, template, spec string) string {
	return fmt.Sprintf(`{"metadata":{"annotations":{%s}},"spec":{"replicas":1,"template":{"metadata":{"annotations":{%s}},"spec":%s}}}`, own, template, spec)
}

func TestWorkloadsAreWarned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, object, old string
		reason                  reason.Reason
		want                    []string
	}{
		{
			"what will be added is one line", "Deployment", deploymentOf("", gitAsked, noneAsked), "", reason.Requested,
			[]string{"pillion: policy default: each pod gets pillion-git-poller (for web)"},
		},
		{
			"an annotation of the workload itself does nothing", "StatefulSet", deploymentOf(gitAsked, "", noneAsked), "", reason.WrongObject,
			[]string{
				"pillion: git-poller.pillion.dev/mount-path and 1 more do nothing on the StatefulSet itself; move to",
				"pillion:   spec.template.metadata.annotations",
			},
		},
		{
			"one that is on the template as well is no mistake", "DaemonSet", deploymentOf(gitAsked, gitAsked, noneAsked), "", reason.Requested,
			[]string{"pillion: policy default: each pod gets pillion-git-poller (for web)"},
		},
		{
			"unless it has another value there", "Job",
			deploymentOf(`"git-poller.pillion.dev/mount-path":"/html"`, gitAsked, noneAsked), "", reason.Requested,
			[]string{
				"pillion: git-poller.pillion.dev/mount-path does nothing on the Job itself; move to spec.template.metadata.annotations",
				"pillion: policy default: each pod gets pillion-git-poller (for web)",
			},
		},
		{
			"a CronJob has a third wrong place", "CronJob",
			`{"spec":{"jobTemplate":{"metadata":{"annotations":{` + gitAsked + `}},"spec":{"template":{"spec":` + noneAsked + `}}}}}`, "", reason.WrongObject,
			[]string{
				"pillion: git-poller.pillion.dev/mount-path and 1 more do nothing on the CronJob itself; move to",
				"pillion:   spec.jobTemplate.spec.template.metadata.annotations",
			},
		},
		{
			"and its template lies deeper", "CronJob",
			`{"spec":{"jobTemplate":{"spec":{"template":{"metadata":{"annotations":{` + gitAsked + `}},"spec":{"hostNetwork":true,"containers":[{"name":"web"}]}}}}}}`, "", reason.HostNetwork,
			[]string{
				"pillion: policy default will deny the pods of this CronJob:",
				`pillion: spec.jobTemplate.spec.template.spec.hostNetwork: policy "default" does not allow helpers in pods that use the`,
				"pillion:   node's network (git-poller); remove hostNetwork or the annotations",
				"pillion: the platform team can change policy default, spec.hostNetwork",
			},
		},
		{
			"what will be denied is said as the denial will say it", "ReplicaSet", deploymentOf("", gitAsked+`,"git-poller.pillion.dev/period":"60"`, noneAsked), "", reason.InvalidValue,
			[]string{
				"pillion: policy default will deny the pods of this ReplicaSet:",
				`pillion: git-poller.pillion.dev/period: "60": has no unit; write "60s" for seconds`,
			},
		},
		{
			"many mistakes are counted", "Deployment",
			deploymentOf("", `"git-poller.pillion.dev/a":"","git-poller.pillion.dev/b":"","git-poller.pillion.dev/c":"","git-poller.pillion.dev/d":"","git-poller.pillion.dev/e":""`, noneAsked), "",
			reason.UnknownAnnotation,
			[]string{
				"pillion: policy default will deny the pods of this Deployment:",
				`pillion: git-poller.pillion.dev/a: git-poller has no option "a"`,
				`pillion: git-poller.pillion.dev/b: git-poller has no option "b"`,
				`pillion: git-poller.pillion.dev/c: git-poller has no option "c"`,
				`pillion: and 2 more; kubectl pillion inject -f FILE --policy POLICY shows all`,
			},
		},
		{
			"a domain that is almost ours", "Deployment", deploymentOf(`"docs.git-poller.pillion.io/ref":"main"`, `"git-poller.pilion.dev/repo":"x"`, noneAsked), "", reason.NothingRequested,
			[]string{
				"pillion: the annotation git-poller.pilion.dev/repo does nothing; did you mean git-poller.pillion.dev/repo?",
				"pillion: the annotation docs.git-poller.pillion.io/ref does nothing; did you mean docs.git-poller.pillion.dev/ref?",
			},
		},
		{
			"and others are somebody else's", "Deployment",
			deploymentOf("", `"million.dev/repo":"x","git-poller.example.com/repo":"x","poller.pilion.dev/repo":"x","git-poller.pilion.dev/x":"x","pilion.dev":"x"`, noneAsked), "",
			reason.NothingRequested, nil,
		},
		{
			"what is odd is said", "Deployment", deploymentOf("", gitAsked+`,"pillion.dev/inject":"false"`, noneAsked), "", reason.Requested,
			[]string{
				`pillion: inject "false" opts out of a policy's defaults only, not of what it requires or the pod asks for`,
				"pillion: policy default: each pod gets pillion-git-poller (for web)",
			},
		},
		{
			"scaling is not commented", "Deployment", deploymentOf("", gitAsked, noneAsked),
			strings.Replace(deploymentOf(`"kubectl.kubernetes.io/last-applied-configuration":"{}"`, gitAsked, noneAsked), `"replicas":1`, `"replicas":2`, 1), reason.NothingChanged, nil,
		},
		{
			"a changed template is", "Deployment", deploymentOf("", gitAsked, noneAsked), deploymentOf("", gitAsked, `{"containers":[{"name":"old"}]}`), reason.Requested,
			[]string{"pillion: policy default: each pod gets pillion-git-poller (for web)"},
		},
		{
			"and so are changed annotations of its own", "Deployment", deploymentOf(`"pillion.dev/inject":"false"`, "", noneAsked), deploymentOf("", "", noneAsked), reason.WrongObject,
			[]string{"pillion: pillion.dev/inject does nothing on the Deployment itself; move to spec.template.metadata.annotations"},
		},
		{"nothing asked, nothing said", "Deployment", deploymentOf("", "", noneAsked), "", reason.NothingRequested, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.post("/warn/default", reviewOfA(c.kind, c.object, c.old))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			response := answer(t, w)
			if diff := cmp.Diff(c.want, response.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if !response.Allowed || response.Patch != nil {
				t.Errorf("allowed %v with the patch %s", response.Allowed, response.Patch)
			}
			if got := reason.Reason(e.observed[0].reason); got != c.reason || response.AuditAnnotations["reason"] != string(c.reason) {
				t.Errorf("observed %v and audited %v, want %s", e.observed, response.AuditAnnotations, c.reason)
			}
			if log := e.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, `"workload":"`+c.kind+`/web"`) || !strings.Contains(log, `"reason":"`+string(c.reason)+`"`) {
				t.Errorf("the log is %s", log)
			}
		})
	}
}

// A policy that only warns says so to the author, before what each pod gets.
func TestAPolicyThatWarnsTellsTheAuthor(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"trial"},"spec":{"enforcement":"Warn",` +
		`"helpers":{"git-poller":{"options":{"period":{"min":"30s"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(map[string]*inject.Policy{"trial": p})
	response := answer(t, e.post("/warn/trial", reviewOfA("Deployment", deploymentOf("", gitAsked+`,"git-poller.pillion.dev/period":"10s"`, noneAsked), "")))
	want := []string{
		"pillion: policy trial only warns, and would deny the pods of this Deployment:",
		`pillion: git-poller.pillion.dev/period: "10s": policy "trial" does not allow this value: the minimum is 30s`,
		"pillion: policy trial: each pod gets pillion-git-poller (for web)",
	}
	if diff := cmp.Diff(want, response.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if want := []observation{{"trial", "Injected", "WouldBeDenied"}}; !slices.Equal(e.observed, want) {
		t.Errorf("observed %v, want %v", e.observed, want)
	}
}

// What no pod shows, but a workload.
func TestReasonsOfWorkloadsAloneAreOfTheirReviews(t *testing.T) {
	t.Parallel()
	e := builtinEdge()
	e.post("/warn/default", reviewOfA("Deployment", deploymentOf(gitAsked, "", noneAsked), ""))
	e.post("/warn/default", reviewOfA("Deployment", deploymentOf("", gitAsked, noneAsked), deploymentOf("", gitAsked, noneAsked)))
	want := []observation{{"default", "Skipped", "WrongObject"}, {"default", "Skipped", "NothingChanged"}}
	if !slices.Equal(e.observed, want) {
		t.Errorf("observed %v, want %v", e.observed, want)
	}
}

// Each long part is shown as far as there is room, and the end of the sentence counts.
func TestWarningsFit(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	var annotations []string
	for i := range 40 {
		annotations = append(annotations, fmt.Sprintf(`"i%d.%.28s.date-writer.pillion.dev/mount-path":"/srv/%d"`, i, "instance-of-a-long-name-12345", i))
	}
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprintf(`{"name":"container-with-a-long-name-%d"}`, i)
	}
	for name, object := range map[string]string{
		"a long value":               deploymentOf("", `"git-poller.pillion.dev/repo":"https://`+long+`"`, noneAsked),
		"a long key":                 deploymentOf(`"git-poller.pillion.dev/`+long+`":""`, `"git-poller.pillion.dev/`+long+`":"x"`, noneAsked),
		"control characters":         deploymentOf(`"git-poller.pillion.dev/\u0007\u202e\n":""`, `"git-poller.pillion.dev/\u0000":"\u001b[2J"`, noneAsked),
		"many helpers":               deploymentOf("", strings.Join(annotations, ","), noneAsked),
		"many containers":            deploymentOf("", gitAsked, `{"containers":[`+strings.Join(names, ",")+`]}`),
		"letters of several bytes":   deploymentOf("", `"git-poller.pillion.dev/repo":"`+strings.Repeat("ü", 300)+`"`, noneAsked),
		"a long key of nobody known": deploymentOf(`"`+long+`.git-poller.pilion.dev/repo":"x"`, "", noneAsked),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(map[string]*inject.Policy{"default": policy.Builtin()})
			w := e.post("/warn/default", reviewOfA("Deployment", object, ""))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			response := answer(t, w)
			if len(response.Warnings) == 0 {
				t.Error("nothing is said")
			}
			fits(t, response.Warnings)
			t.Logf("%s", strings.Join(response.Warnings, "\n"))
		})
	}
}

func TestOnlyWorkloadsAreReviewedAsSuch(t *testing.T) {
	t.Parallel()
	deployment := string(reviewOfA("Deployment", deploymentOf("", gitAsked, noneAsked), ""))
	for name, c := range map[string]struct{ path, body string }{
		"a pod":                                  {"/warn/default", string(reviewOf(annotatedPod))},
		"a workload where pods go":               {"/inject/default", deployment},
		"a workload where namespaces go":         {"/namespace", deployment},
		"a deleted workload":                     {"/warn/default", strings.Replace(deployment, "CREATE", "DELETE", 1)},
		"a scale":                                {"/warn/default", strings.Replace(deployment, `"operation"`, `"subResource":"scale","operation"`, 1)},
		"another version":                        {"/warn/default", strings.Replace(deployment, `"version":"v1","resource"`, `"version":"v1beta1","resource"`, 1)},
		"another kind that says it is one":       {"/warn/default", strings.Replace(deployment, `"kind":"Deployment"`, `"kind":"Scale"`, 1)},
		"a workload without a template":          {"/warn/default", string(reviewOfA("Deployment", `{"spec":{}}`, ""))},
		"a string for a template":                {"/warn/default", string(reviewOfA("Deployment", `{"spec":{"template":"x"}}`, ""))},
		"a number for an annotation":             {"/warn/default", string(reviewOfA("Deployment", deploymentOf(`"a":1`, "", noneAsked), ""))},
		"a number for a template's annotation":   {"/warn/default", string(reviewOfA("Deployment", deploymentOf("", `"a":1`, noneAsked), ""))},
		"a null template":                        {"/warn/default", string(reviewOfA("Deployment", `{"spec":{"template":[]}}`, ""))},
		"a namespace with a number for a label":  {"/namespace", namespaceReview(`{"metadata":{"labels":{"a":1}}}`, "null")},
		"a namespace that is finalised":          {"/namespace", strings.Replace(namespaceReview(`{}`, "null"), `"operation"`, `"subResource":"finalize","operation"`, 1)},
		"something else where namespaces are is": {"/namespace", string(reviewOf(annotatedPod))},
	} {
		t.Run(name+" is a 4xx", func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.post(c.path, []byte(c.body))
			if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "allowed") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
}
