// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// plugin is the command line's directory, built once for all tests.
var plugin = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(plane.Kubeconfig()) // goes away with the control plane
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "kubectl-pillion"), "./cmd/kubectl-pillion")
	build.Dir = plane.Root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return dir, nil
})

// outcome is what one call of kubectl pillion did.
type outcome struct {
	code        int
	out, errOut string
}

// callPlugin runs kubectl pillion as a cluster administrator.
func callPlugin(t *testing.T, args ...string) outcome {
	t.Helper()
	dir, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "kubectl-pillion"), append(args, "--kubeconfig", plane.Kubeconfig())...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// pillion runs kubectl pillion, wants an exit code and returns the output.
func pillion(t *testing.T, wantCode int, args ...string) string {
	t.Helper()
	c := callPlugin(t, args...)
	if c.code != wantCode {
		t.Fatalf("kubectl pillion %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), c.code, wantCode, c.out, c.errOut)
	}
	return c.out
}

type cliFinding struct {
	Code    string
	Problem bool
	Text    string
	Fix     string
}

type cliPod struct {
	Name, State, Version, Policy string
	Helpers                      []string
	Findings                     []cliFinding
}

type cliReport struct {
	Kind, Name, Result, Reason string
	Policy                     struct{ Name, Source, Why string }
	Problems                   []string
	Findings                   []cliFinding
	Pods                       []cliPod
}

// explained runs explain -o json, which tells of one object.
func explained(t *testing.T, wantCode int, args ...string) cliReport {
	t.Helper()
	var reports []cliReport
	if err := json.Unmarshal([]byte(pillion(t, wantCode, append([]string{"explain", "-o", "json"}, args...)...)), &reports); err != nil || len(reports) != 1 {
		t.Fatalf("%d reports: %v", len(reports), err)
	}
	return reports[0]
}

// wantFinding wants a finding of a code that says something, and returns it.
func wantFinding(t *testing.T, findings []cliFinding, code, text string) {
	t.Helper()
	for _, f := range findings {
		if f.Code == code && strings.Contains(f.Text+" fix: "+f.Fix, text) {
			return
		}
	}
	t.Errorf("no finding %s with %q in %+v", code, text, findings)
}

func onePod(t *testing.T, r cliReport) cliPod {
	t.Helper()
	if len(r.Pods) != 1 {
		t.Fatalf("the report has %d pods: %+v", len(r.Pods), r.Pods)
	}
	return r.Pods[0]
}

func TestKubectlFindsThePlugin(t *testing.T) { // alone: it sets an environment variable
	dir, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, _, err := plane.Kubectl(t.Context(), "", "plugin", "list")
	if err != nil || !strings.Contains(out, filepath.Join(dir, "kubectl-pillion")) {
		t.Errorf("kubectl plugin list: %v\n%s", err, out)
	}
}

func TestExplainOfAPodThatIsInjected(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	create(t, ns, pod("web", asking()))
	r := explained(t, 0, "pod", "web", "-n", ns)
	if r.Result != "Unchanged" || r.Reason != "AlreadyInjected" || r.Policy.Name != "default" {
		t.Errorf("got %+v", r)
	}
	p := onePod(t, r)
	if diff := cmp.Diff([]string{"pillion-git-poller"}, p.Helpers); p.State != "Current" || diff != "" {
		t.Errorf("the pod is %s, its helpers (-want +got):\n%s", p.State, diff)
	}
	if want := "has no label pillion.dev/policy; the webhook inject.pillion.dev is sent its pods"; !strings.Contains(r.Policy.Why, want) {
		t.Errorf("how the policy was chosen is %q", r.Policy.Why)
	}
	if text := pillion(t, 0, "explain", "po/web", "-n", ns); !strings.Contains(text, "✓ Pod/web of namespace "+ns) {
		t.Errorf("as text:\n%s", text)
	}
}

func TestExplainOfWhatNoWebhookCanSee(t *testing.T) {
	t.Parallel()
	t.Run("a pod that was annotated later", func(t *testing.T) {
		t.Parallel()
		ns := newNamespace(t, nil)
		made := create(t, ns, pod("web", nil))
		time.Sleep(time.Until(made.CreationTimestamp.Add(4 * time.Second))) // times are of whole seconds
		if _, _, err := plane.Kubectl(t.Context(), "", "annotate", "pod", "web", "-n", ns, dateMount+"=/html"); err != nil {
			t.Fatal(err)
		}
		p := onePod(t, explained(t, 1, "pod", "web", "-n", ns))
		if p.State != "Missing" {
			t.Errorf("the pod is %s", p.State)
		}
		wantFinding(t, p.Findings, "AnnotatedLater", "helpers are added only when a pod is created")
	})
	t.Run("a namespace that the webhook leaves out", func(t *testing.T) {
		t.Parallel()
		const ns = "kube-node-lease"
		if err := plane.Namespace(t.Context(), ns, nil); err != nil && !strings.Contains(err.Error(), "already exists") {
			t.Fatal(err)
		}
		create(t, ns, pod("web", asking()))
		p := onePod(t, explained(t, 1, "pod", "web", "-n", ns))
		wantFinding(t, p.Findings, "NamespaceLeftOut", "kubernetes.io/metadata.name notin (kube-node-lease,kube-system,pillion-system)")
	})
	t.Run("annotations on a Deployment itself", func(t *testing.T) {
		t.Parallel()
		needControllers(t)
		ns := newNamespace(t, nil)
		d := deploymentOf("web", nil)
		d.Annotations = asking()
		if _, err := clients.AppsV1().Deployments(ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		pods := podsOf(t, ns, 1)
		const fix = "put them on its pod template, spec.template.metadata.annotations"
		wantFinding(t, explained(t, 1, "deploy/web", "-n", ns).Findings, "AnnotationsOnWorkload", fix)
		wantFinding(t, explained(t, 1, "pod", pods[0].Name, "-n", ns).Findings, "AnnotationsOnWorkload", "of the Deployment itself have no effect (Deployment/web)")
	})
	t.Run("a container that another webhook took away", func(t *testing.T) {
		t.Parallel()
		ns := newNamespace(t, nil)
		const name = "zzz-takes"
		otherWebhook(t, name, ns, func(p *corev1.Pod) string {
			if len(p.Spec.InitContainers) == 0 {
				return "[" + seen(name) + "]"
			}
			return "[" + seen(name) + `,{"op":"remove","path":"/spec/initContainers/0"}]`
		})
		create(t, ns, pod("web", asking()))
		p := onePod(t, explained(t, 1, "pod", "web", "-n", ns))
		if p.State != "Changed" {
			t.Errorf("the pod is %s", p.State)
		}
		wantFinding(t, p.Findings, "ContainerTakenAway", "pillion-git-poller was added, and the pod has no such container")
	})
	t.Run("a restartPolicy that another webhook took away", func(t *testing.T) {
		t.Parallel()
		ns := newNamespace(t, nil)
		const name = "zzz-strips"
		otherWebhook(t, name, ns, func(p *corev1.Pod) string {
			if len(p.Spec.InitContainers) == 0 || p.Spec.InitContainers[0].RestartPolicy == nil {
				return "[" + seen(name) + "]"
			}
			return "[" + seen(name) + `,{"op":"remove","path":"/spec/initContainers/0/restartPolicy"},{"op":"remove","path":"/spec/initContainers/0/startupProbe"}]`
		})
		create(t, ns, pod("web", asking()))
		p := onePod(t, explained(t, 1, "pod", "web", "-n", ns))
		wantFinding(t, p.Findings, "RestartPolicyLost", "pillion-git-poller lost its restartPolicy: Always")
		wantFinding(t, p.Findings, "RestartPolicyLost", "fix: the webhooks that can have done it are of "+name)
	})
}

func TestExplainOfAPolicyThatANamespacePicks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"default.yaml": "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: default}\nspec: {helpers: {git-poller: }}\n",
		"web.yaml":     "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {helpers: {date-writer: }}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ns := newNamespace(t, nil)
	create(t, ns, pod("web", asking()))
	r := explained(t, 0, "pod", "web", "-n", ns, "--policy", dir)
	if r.Policy.Name != "default" || r.Policy.Source != dir {
		t.Errorf("the policy is %+v", r.Policy)
	}
	wantFinding(t, onePod(t, r).Findings, "MadeByOther", `it was made under another state of the policy "default"`)
	r = explained(t, 1, "pod", "web", "-n", ns, "--policy", filepath.Join(dir, "web.yaml"))
	if want := `policy "web" does not allow git-poller; it allows date-writer`; len(r.Problems) != 1 || !strings.Contains(r.Problems[0], want) {
		t.Errorf("got %q", r.Problems)
	}
}

func TestExplainOfADeploymentThatIsDenied(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	d := deploymentOf("web", map[string]string{"git-poller.pillion.dev/rep": "x"})
	if _, err := clients.AppsV1().Deployments(ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r := explained(t, 1, "deployments.apps", "web", "-n", ns)
	if r.Result != "Denied" || r.Reason != "UnknownAnnotation" || len(r.Problems) == 0 || !strings.Contains(r.Problems[0], `did you mean "git-poller.pillion.dev/repo"?`) {
		t.Errorf("got %+v", r)
	}
}

func TestStatusListsThePodsThatAsk(t *testing.T) {
	t.Parallel()
	needControllers(t)
	ns := newNamespace(t, nil)
	create(t, ns, pod("none", nil))
	create(t, ns, pod("single", asking()))
	if _, err := clients.AppsV1().Deployments(ns).Create(t.Context(), deploymentOf("web", asking()), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	podsOf(t, ns, 1)
	drifted := create(t, ns, pod("old", asking())) // as a version before us had made it
	status := strings.Replace(drifted.Annotations["pillion.dev/status"], `"version":"`, `"version":"v0.0.1-`, 1)
	patch, _ := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{"pillion.dev/status": status}}})
	if _, err := clients.CoreV1().Pods(ns).Patch(t.Context(), "old", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(drifted.CreationTimestamp.Add(2 * time.Second))) // the newest is to be another one
	create(t, ns, pod("newest", asking()))

	var pods []cliPod
	if err := json.Unmarshal([]byte(pillion(t, 0, "status", "-n", ns, "-o", "json")), &pods); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, p := range pods {
		name, _, _ := strings.Cut(p.Name, "-")
		states[name] = p.State
	}
	want := map[string]string{"single": "Current", "web": "Current", "old": "Drifted", "newest": "Current"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if i := slices.IndexFunc(pods, func(p cliPod) bool { return p.Name == "old" }); i >= 0 {
		wantFinding(t, pods[i].Findings, "MadeByOther", "newer pods, such as newest, are by v")
	}
	text := pillion(t, 0, "status", "-n", ns, "-l", "app=web")
	if lines := strings.Split(text, "\n"); !strings.HasPrefix(lines[0], "POD") || !strings.HasPrefix(lines[1], "web-") || strings.Contains(text, "single") {
		t.Errorf("of one label:\n%s", text)
	}
	// Of all namespaces: other tests make bad pods, so the exit code can be 1.
	if all := callPlugin(t, "status", "-A"); all.code > 1 || !strings.Contains(all.out, "NAMESPACE") || !strings.Contains(all.out, ns) {
		t.Errorf("of all namespaces: exit code %d\n%s%s", all.code, all.out, all.errOut)
	}
}

func TestExplainWithoutAWebhook(t *testing.T) { // alone: it takes the webhook away for a while
	ns := newNamespace(t, nil)
	api := clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	ours, err := api.Get(t.Context(), "pillion", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Delete(t.Context(), "pillion", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	inForce := func() bool {
		_, err := clients.CoreV1().Pods(ns).Create(t.Context(), pod("probe", map[string]string{"pillion.dev/no": ""}), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil
	}
	await(t, "the webhook to be called no more", func() bool { return !inForce() })
	made := create(t, ns, pod("web", asking()))
	without := explained(t, 1, "pod", "web", "-n", ns)
	time.Sleep(time.Until(made.CreationTimestamp.Add(1500 * time.Millisecond))) // times are of whole seconds
	ours.ObjectMeta = metav1.ObjectMeta{Name: ours.Name, Annotations: ours.Annotations}
	if _, err := api.Create(t.Context(), ours, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the webhook to be called again", inForce)

	wantFinding(t, onePod(t, without).Findings, "NoWebhook", "no MutatingWebhookConfiguration of this cluster calls Pillion")
	older := onePod(t, explained(t, 1, "pod", "web", "-n", ns))
	wantFinding(t, older.Findings, "PodOlderThanWebhook", "delete the pod and create it again")
	if text := pillion(t, 1, "status", "-n", ns); !strings.Contains(text, "web  Missing  -") {
		t.Errorf("its status:\n%s", text)
	}
}

func TestAPersonWhoMayReadLittleIsToldSo(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	create(t, ns, pod("web", asking()))
	for _, args := range [][]string{
		{"create", "role", "reader", "--verb=get,list", "--resource=pods"},
		{"create", "rolebinding", "reader", "--role=reader", "--user=jane"},
	} {
		if _, _, err := plane.Kubectl(t.Context(), "", append(args, "-n", ns)...); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the API server to know of the role", func() bool {
		_, _, err := plane.Kubectl(t.Context(), "", "get", "pod", "web", "-n", ns, "--as=jane")
		return err == nil
	})
	r := explained(t, 0, "pod", "web", "-n", ns, "--as", "jane")
	wantFinding(t, r.Findings, "NotLookedAt", `User "jane" cannot list resource "mutatingwebhookconfigurations"`)
	if p := onePod(t, r); p.State != "Current" {
		t.Errorf("the pod is %s", p.State)
	}
	want := outcome{code: 2, errOut: "error: reading Pod nobody of namespace " + ns + ": pods \"nobody\" not found\n"}
	if got := callPlugin(t, "explain", "pod", "nobody", "-n", ns, "--as", "jane"); got != want {
		t.Errorf("of a pod that does not exist: %+v", got)
	}
}

// What explain says of a namespace's bounds is what the API server does with the pod.
func TestExplainKnowsTheBoundsOfANamespace(t *testing.T) {
	t.Parallel()
	needControllers(t) // which count what a quota has used
	app := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("256Mi")},
		Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("256Mi")},
	}
	for name, tt := range map[string]struct{ bounds, code, text string }{
		"a range that fits":         {"kind: LimitRange\nspec: {limits: [{type: Container, max: {cpu: 2}}]}", "", ""},
		"a least request":           {"kind: LimitRange\nspec: {limits: [{type: Container, min: {cpu: 400m}}]}", "LimitRangeDenies", "requests 10m of cpu, and the minimum is 400m"},
		"a largest pod":             {"kind: LimitRange\nspec: {limits: [{type: Pod, max: {memory: 300Mi}}]}", "LimitRangeDenies", "the pod with its helpers has the limit"},
		"a ratio":                   {"kind: LimitRange\nspec: {limits: [{type: Container, maxLimitRequestRatio: {cpu: 2}}]}", "LimitRangeDenies", "times the request"},
		"a quota that has room":     {"kind: ResourceQuota\nspec: {hard: {requests.cpu: 2}}", "", ""},
		"a quota for the app alone": {"kind: ResourceQuota\nspec: {hard: {requests.cpu: 500m}}", "QuotaDenies", "are free"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t, nil)
			kubectl(t, "apiVersion: v1\nmetadata: {name: bounds}\n"+tt.bounds, "create", "-n", ns, "-f", "-")
			await(t, "the quota to be counted", func() bool {
				q, err := clients.CoreV1().ResourceQuotas(ns).List(t.Context(), metav1.ListOptions{})
				return err == nil && !slices.ContainsFunc(q.Items, func(q corev1.ResourceQuota) bool { return len(q.Status.Used) == 0 })
			})
			d := deploymentOf("web", asking())
			d.Spec.Replicas, d.Spec.Template.Spec.Containers[0].Resources = new(int32(0)), app
			if _, err := clients.AppsV1().Deployments(ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			if tt.code == "" {
				explained(t, 0, "deployment", "web", "-n", ns)
			} else {
				wantFinding(t, explained(t, 1, "deployment", "web", "-n", ns).Findings, tt.code, tt.text)
			}
			p := pod("web", asking())
			p.Spec.Containers[0].Resources = app
			await(t, "the API server to know of the bounds", func() bool {
				_, err := clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				return (err != nil) == (tt.code != "")
			})
		})
	}
}

// deploymentOf is one pod with annotations.
func deploymentOf(name string, annotations map[string]string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations}, Spec: pod("", nil).Spec},
		},
	}
}

// podsOf waits for the pods of the Deployment web.
func podsOf(t *testing.T, namespace string, n int) []corev1.Pod {
	t.Helper()
	var pods *corev1.PodList
	await(t, "the pods of the Deployment", func() bool {
		var err error
		pods, err = clients.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
		return err == nil && len(pods.Items) == n
	})
	return pods.Items
}
