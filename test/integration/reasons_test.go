// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/test/controlplane"
)

// decided is what one place says of a decision.
type decided struct{ Policy, PolicyHash, Result, Reason string }

// with is a pod that asks for a git-poller and in which something was changed.
func with(change func(*corev1.Pod)) *corev1.Pod {
	p := pod("web", asking())
	change(p)
	return p
}

// annotation is one more annotation on a pod that asks for a git-poller.
func annotation(key, value string) *corev1.Pod {
	return with(func(p *corev1.Pod) { p.Annotations[key] = value })
}

// podsByReason has one pod for each reason that a pod can meet; "AlreadyInjected" is the
// pod of "Requested" once more.
var podsByReason = []struct {
	reason reason.Reason
	policy string // default, unless it says otherwise
	pod    *corev1.Pod
}{
	{reason: reason.Requested, pod: pod("web", asking())},
	{reason: reason.Required, policy: "audited", pod: pod("web", nil)},
	{reason: reason.ByDefault, policy: "assisted", pod: pod("web", nil)},
	{reason: reason.WouldBeDenied, policy: "trial", pod: pod("web", map[string]string{dateMount: "/srv"})},
	{reason: reason.AlreadyInjected},
	{reason: reason.NothingRequested, pod: pod("web", map[string]string{"pillion.dev/inject": "false", "pillion.dev/status": "{}"})},
	{reason: reason.OptedOut, policy: "assisted", pod: pod("web", map[string]string{"pillion.dev/inject": "false"})},
	{reason: reason.NotByDefault, policy: "assisted", pod: onTheNodesNetwork()},
	{reason: reason.WindowsPod, pod: with(func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} })},
	{reason: reason.UnknownAnnotation, pod: annotation("git-poller.pillion.dev/rep", "x")},
	{reason: reason.TooMany, pod: with(func(p *corev1.Pod) {
		for i := range 64 {
			p.Annotations[fmt.Sprintf("i%d.git-poller.pillion.dev/ref", i)] = "main"
		}
	})},
	{reason: reason.InvalidValue, pod: annotation("git-poller.pillion.dev/period", "60")},
	{reason: reason.MissingOption, pod: pod("web", map[string]string{gitMount: "/srv"})},
	{reason: reason.Contradiction, pod: annotation("git-poller.pillion.dev/auth", "ssh")},
	{reason: reason.UnknownContainer, pod: annotation("git-poller.pillion.dev/containers", "wbe")},
	{reason: reason.PathConflict, pod: with(func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "page", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}}}
		p.Spec.Volumes[0].ConfigMap.Name = "page"
		p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "page", MountPath: asking()[gitMount]}}
	})},
	{reason: reason.ReservedName, pod: with(func(p *corev1.Pod) { p.Spec.Containers[0].Name = "pillion-web" })},
	{reason: reason.PodConflict, pod: with(func(p *corev1.Pod) {
		p.Annotations["ipc.pillion.dev/process"], p.Spec.ShareProcessNamespace = "true", new(false)
	})},
	{reason: reason.HelperNotAllowed, policy: "web", pod: pod("web", map[string]string{dateMount: "/srv"})},
	{reason: reason.ValueNotAllowed, pod: annotation("git-poller.pillion.dev/period", "5s")},
	{reason: reason.LimitExceeded, pod: annotation("ipc.pillion.dev/shm", "5Gi")},
	{reason: reason.HostNetwork, pod: with(func(p *corev1.Pod) { p.Spec.HostNetwork = true })},
	{reason: reason.RuntimeClass, policy: "web", pod: with(func(p *corev1.Pod) { p.Spec.RuntimeClassName = new("kata") })},
	{reason: reason.RequiredHelper, policy: "audited", pod: pod("web", map[string]string{"pillion.dev/inject": "false"})},
	{reason: reason.UnknownPolicy, policy: inject.NoPolicy, pod: pod("web", asking())},
}

// onTheNodesNetwork asks for nothing.
func onTheNodesNetwork() *corev1.Pod {
	p := pod("web", nil)
	p.Spec.HostNetwork = true
	return p
}

// elsewhere are the reasons that another test shows.
var elsewhere = []reason.Reason{
	reason.MirrorPod,                          // TestTheMarkOfAMirrorOptsNobodyOut
	reason.WrongObject, reason.NothingChanged, // of workloads: TestAWorkloadsReasonIsTheSameEverywhere
	reason.PolicyNotLoaded,                       // TestAPolicyThatNoReplicaHasIsExplained
	reason.ReviewNotRead,                         // of no pod: internal/server
	reason.MalformedReview, reason.InternalError, // never sent by an API server: internal/admission
}

// One word everywhere: the status, the audit log, the metric, the log line,
// the denial, the reference.
func TestAPodsReasonIsTheSameEverywhere(t *testing.T) { // alone: it counts
	results := map[reason.Reason]reason.Result{}
	for _, doc := range reason.All() {
		results[doc.Reason] = doc.Result
	}
	documented(t)
	kata := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Handler: "kata"}
	if _, err := clients.NodeV1().RuntimeClasses().Create(t.Context(), kata, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var shown []reason.Reason
	for _, c := range podsByReason {
		shown = append(shown, c.reason)
		t.Run(string(c.reason), func(t *testing.T) {
			name, labels := "default", map[string]string(nil)
			if c.policy != "" {
				name, labels = c.policy, labelled(c.policy)
			}
			want := decided{Policy: name, Result: string(results[c.reason]), Reason: string(c.reason)}
			ns, p := newNamespace(t, labels), c.pod
			if c.reason == reason.AlreadyInjected {
				injected := create(t, ns, pod("first", asking()))
				p = pod("web", injected.Annotations)
				p.Spec = injected.Spec
			}
			var made *corev1.Pod
			var err error
			counted := metric(t, "pillion_admission_requests_total", want, func() {
				made, err = clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{})
			})
			if counted != 1 {
				t.Errorf("the metric for %v grew by %v, want 1", want, counted)
			}
			hash := auditOf(t, ns, "pods", p.Name, want)
			logOf(t, ns, `"pod":"`+p.Name+`"`, want)
			switch {
			case want.Result == string(reason.Denied):
				refusalOf(t, err, c.reason)
			case err != nil:
				t.Fatalf("denied: %v", err)
			case c.reason != reason.AlreadyInjected: // it has the status of its first decision
				want.PolicyHash = hash
				statusOf(t, made, want)
			}
		})
	}
	all := slices.Concat(shown, elsewhere)
	for _, doc := range reason.All() {
		if n := len(slices.DeleteFunc(slices.Clone(all), func(r reason.Reason) bool { return r != doc.Reason })); n != 1 {
			t.Errorf("%s is shown %d times here and elsewhere, want 1", doc.Reason, n)
		}
	}
}

func TestAWorkloadsReasonIsTheSameEverywhere(t *testing.T) { // alone: it counts
	ns := newNamespace(t, nil)
	for _, c := range []struct{ verb, manifest, reason string }{
		{"create", deployment(nil, asking()), "WrongObject"},
		{"replace", strings.Replace(deployment(nil, asking()), `"replicas":0`, `"replicas":1`, 1), "NothingChanged"},
	} {
		want := decided{Policy: "default", Result: "Skipped", Reason: c.reason}
		counted := metric(t, "pillion_warn_requests_total", want, func() {
			if _, _, err := plane.Kubectl(t.Context(), c.manifest, c.verb, "-n", ns, "-f", "-"); err != nil {
				t.Fatal(err)
			}
		})
		if counted != 1 {
			t.Errorf("the metric for %v grew by %v, want 1", want, counted)
		}
		auditOf(t, ns, "deployments", "web", want)
		logOf(t, ns, `"workload":"Deployment/web"`, want)
	}
}

// documented wants the reference to have the closed set and nothing else.
func documented(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, doc := range reason.All() {
		want = append(want, fmt.Sprintf("| `%s` | `%s` | %s |", doc.Reason, doc.Result, doc.Text))
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/reference/reasons.md, run make generate (-want +got):\n%s", diff)
	}
}

// metric is how much the counter of a decision grows while do runs.
func metric(t *testing.T, family string, d decided, do func()) float64 {
	t.Helper()
	count := func() float64 {
		m, err := plane.Webhook.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m.Sum(family, map[string]string{"policy": d.Policy, "result": d.Result, "reason": d.Reason})
	}
	before := count()
	do()
	return count() - before
}

// auditOf wants the decision in the audit log, and returns the policy's hash there.
func auditOf(t *testing.T, ns, resource, name string, want decided) (hash string) {
	t.Helper()
	seen := func(e controlplane.AuditEvent) decided {
		var d decided
		for key, value := range e.Annotations {
			switch _, name, _ := strings.Cut(key, "/"); name {
			case "policy":
				d.Policy = value
			case "policy-hash":
				hash = value
			case "result":
				d.Result = value
			case "reason":
				d.Reason = value
			}
		}
		return d
	}
	_, err := plane.AwaitAudit(t.Context(), func(e controlplane.AuditEvent) bool {
		return e.ObjectRef.Namespace == ns && e.ObjectRef.Resource == resource && (e.ObjectRef.Name == name || e.ObjectRef.Name == "") && seen(e) == want
	})
	if err != nil {
		t.Errorf("the audit log does not say %v: %v", want, err)
	}
	if (hash == "") != (want.Policy == inject.NoPolicy) {
		t.Errorf("the hash of the policy %s is %q in the audit log", want.Policy, hash)
	}
	return hash
}

// logOf wants one line on the subject with the decision.
func logOf(t *testing.T, ns, subject string, want decided) {
	t.Helper()
	log, err := plane.Webhook.Logs()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(log) {
		var d struct{ decided }
		if strings.Contains(line, `"namespace":"`+ns+`"`) && strings.Contains(line, subject) && json.Unmarshal([]byte(line), &d.decided) == nil && d.decided == want {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d lines of the log say %v, want 1", found, want)
	}
}

func statusOf(t *testing.T, p *corev1.Pod, want decided) {
	t.Helper()
	var got decided
	if err := json.Unmarshal([]byte(p.Annotations["pillion.dev/status"]), &got); err != nil {
		t.Fatalf("the status %q: %v", p.Annotations["pillion.dev/status"], err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the status (-want +got):\n%s", diff)
	}
}

// refusalOf wants a sentence that belongs to the reason. The reason's own word is not in
// it: it is for machines, and stands in the audit log beside the sentence.
func refusalOf(t *testing.T, err error, why reason.Reason) {
	t.Helper()
	want := map[reason.Reason]string{
		reason.UnknownAnnotation: "did you mean",
		reason.TooMany:           "at most 64 are considered",
		reason.InvalidValue:      "has no unit",
		reason.MissingOption:     "Required value",
		reason.Contradiction:     `an https URL is used with "basic"`,
		reason.UnknownContainer:  "the pod has no container of this name",
		reason.PathConflict:      "mounts the volume \"page\"",
		reason.ReservedName:      "pillion-web",
		reason.PodConflict:       "the pod itself sets spec.shareProcessNamespace to false",
		reason.HelperNotAllowed:  `policy "web" does not allow date-writer`,
		reason.ValueNotAllowed:   `policy "default" does not allow this value`,
		reason.LimitExceeded:     `policy "default" allows 4Gi in a pod (limits.sharedMemory)`,
		reason.HostNetwork:       "spec.hostNetwork",
		reason.RuntimeClass:      `policy "web" does not allow helpers in pods of this class`,
		reason.RequiredHelper:    `policy "audited" requires date-writer (require[0]), of which no pod can opt out`,
		reason.UnknownPolicy:     "names no policy",
	}
	if err == nil {
		t.Fatal("the pod was created; it should have been denied")
	}
	if want[why] == "" {
		t.Fatalf("no sentence is known for %s, only for %v", why, slices.Sorted(maps.Keys(want)))
	}
	if !strings.Contains(err.Error(), want[why]) {
		t.Errorf("the denial is %v, want %q in it", err, want[why])
	}
}
