// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/test/controlplane"
)

func TestAnAnnotatedPodComesBackWithItsHelper(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	got := create(t, ns, pod("web", asking()))

	c := helper(t, got, "pillion-git-poller")
	if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Errorf("restartPolicy is %v, want Always: a native sidecar", c.RestartPolicy)
	}
	if c.StartupProbe == nil {
		t.Error("the sidecar has no startup probe, so nothing holds the app back")
	}
	if diff := cmp.Diff("pillion-git-poller:/usr/share/nginx/html", mounts(got.Spec.Containers[0])); diff != "" {
		t.Errorf("the app's mounts (-want +got):\n%s", diff)
	}
	var volume *corev1.Volume
	for i := range got.Spec.Volumes {
		if got.Spec.Volumes[i].Name == "pillion-git-poller" {
			volume = &got.Spec.Volumes[i]
		}
	}
	if volume == nil || volume.EmptyDir == nil {
		t.Errorf("the shared emptyDir is missing: %+v", got.Spec.Volumes)
	}
	var status struct{ Result, Reason, Policy string }
	if err := json.Unmarshal([]byte(got.Annotations["pillion.dev/status"]), &status); err != nil {
		t.Fatalf("the status annotation: %v", err)
	}
	if diff := cmp.Diff(struct{ Result, Reason, Policy string }{"Injected", "Requested", "default"}, status); diff != "" {
		t.Errorf("the status (-want +got):\n%s", diff)
	}
}

func TestTheServiceAccountTokenStaysOutOfTheHelper(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	got := create(t, ns, pod("web", asking()))

	for _, m := range helper(t, got, "pillion-git-poller").VolumeMounts {
		if strings.HasPrefix(m.Name, "kube-api-access-") {
			t.Errorf("the helper got the token at %s", m.MountPath)
		}
	}
	app := got.Spec.Containers[0].VolumeMounts
	if !strings.HasPrefix(app[len(app)-1].Name, "kube-api-access-") && !strings.HasPrefix(app[0].Name, "kube-api-access-") {
		t.Errorf("the app lost its own token: %+v", app)
	}
}

func TestAPodWithoutATokenOrVolumesIsInjected(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	p := pod("web", asking())
	p.Spec.AutomountServiceAccountToken = new(false) // nothing else adds volumes then
	got := create(t, ns, p)
	helper(t, got, "pillion-git-poller")
	if len(got.Spec.Volumes) != 2 {
		t.Errorf("the pod has %d volumes, want our 2: %+v", len(got.Spec.Volumes), got.Spec.Volumes)
	}
}

func TestUnannotatedPodsAreNeverSentToUs(t *testing.T) { // alone: it counts calls
	ns := newNamespace(t, nil)
	calls := func() float64 {
		m, err := plane.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m.Sum("apiserver_admission_webhook_request_total", map[string]string{"name": "inject.pillion.dev"})
	}
	before := calls()
	create(t, ns, pod("none", nil))
	create(t, ns, pod("empty", map[string]string{}))
	create(t, ns, pod("foreign", map[string]string{"example.com/x": "pillion.dev/", "notpillion.dev/x": "1", "pillion.dev.example/x": "1"}))
	if after := calls(); after != before {
		t.Errorf("pods without our annotations caused %v calls", after-before)
	}
	create(t, ns, pod("ours", asking()))
	if after := calls(); after != before+1 {
		t.Errorf("one annotated pod caused %v calls, want 1", after-before)
	}
}

func TestServerSideDryRunAnswersTheSameAndStoresNothing(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	dry, err := clients.CoreV1().Pods(ns).Create(t.Context(), pod("web", asking()), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatal(err)
	}
	real := create(t, ns, pod("web", asking()))
	strip := func(p *corev1.Pod) corev1.PodSpec {
		s := *p.Spec.DeepCopy()
		for i := range s.Volumes { // the token volume has a random name
			if strings.HasPrefix(s.Volumes[i].Name, "kube-api-access-") {
				s.Volumes[i] = corev1.Volume{}
			}
		}
		s.Containers[0].VolumeMounts = nil
		return s
	}
	if diff := cmp.Diff(strip(dry), strip(real)); diff != "" {
		t.Errorf("dry run and create differ:\n%s", diff)
	}
}

func TestGenerateName(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	p := pod("", asking())
	p.GenerateName = "web-"
	helper(t, create(t, ns, p), "pillion-git-poller")
}

func TestPodsOfADeploymentAreInjected(t *testing.T) {
	t.Parallel()
	needControllers(t)
	ns := newNamespace(t, nil)
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: asking()},
				Spec:       pod("", nil).Spec,
			},
		},
	}
	if _, err := clients.AppsV1().Deployments(ns).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var pods *corev1.PodList
	await(t, "two pods of the Deployment", func() bool {
		var err error
		pods, err = clients.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
		return err == nil && len(pods.Items) == 2
	})
	for i := range pods.Items {
		helper(t, &pods.Items[i], "pillion-git-poller")
	}
}

func TestARefusalIsAnEventOfTheReplicaSet(t *testing.T) {
	t.Parallel()
	needControllers(t)
	ns := newNamespace(t, nil)
	labels := map[string]string{"app": "web"}
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.ReplicaSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"git-poller.pillion.dev/rep": "x"}},
				Spec:       pod("", nil).Spec,
			},
		},
	}
	if _, err := clients.AppsV1().ReplicaSets(ns).Create(t.Context(), rs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "an event that says what is wrong", func() bool {
		events, err := clients.CoreV1().Events(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false
		}
		for i := range events.Items {
			if strings.Contains(events.Items[i].Message, `did you mean "git-poller.pillion.dev/repo"?`) {
				return true
			}
		}
		return false
	})
}

func TestARestrictedNamespaceTakesTheInjectedPod(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	for _, c := range []struct {
		name        string
		annotations map[string]string
	}{
		{"git-poller", asking()},
		{"date-writer", map[string]string{dateMount: "/usr/share/nginx/html"}},
	} {
		p := pod(c.name, c.annotations)
		// Only the app's own container is secured: the helper has to satisfy the
		// standard by itself.
		p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true),
			Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		}
		helper(t, create(t, ns, p), "pillion-"+c.name)
	}
}

func TestAQuotaAndALimitRangeAreMet(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
		"requests.cpu": resource.MustParse("10"), "limits.cpu": resource.MustParse("10"),
		"requests.memory": resource.MustParse("10Gi"), "limits.memory": resource.MustParse("10Gi"),
	}}}
	if _, err := clients.CoreV1().ResourceQuotas(ns).Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type:           corev1.LimitTypeContainer,
		DefaultRequest: corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("10Mi")},
		Default:        corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("1Gi")},
		Min:            corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("1Mi")},
	}}}}
	if _, err := clients.CoreV1().LimitRanges(ns).Create(t.Context(), limits, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p := pod("web", asking())
	p.Spec.Containers[0].Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("1m"), "memory": resource.MustParse("1Mi")},
		Limits:   corev1.ResourceList{"cpu": resource.MustParse("10m"), "memory": resource.MustParse("10Mi")},
	}
	var got *corev1.Pod
	await(t, "the quota to be known to the API server", func() bool { // it denies until its controller has counted
		var err error
		got, err = clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{})
		if err != nil && !strings.Contains(err.Error(), "status unknown for quota") {
			t.Fatal(err)
		}
		return err == nil
	})
	c := helper(t, got, "pillion-git-poller")
	if _, has := c.Resources.Limits[corev1.ResourceEphemeralStorage]; !has {
		t.Errorf("what the LimitRange added to the helper is gone: %+v", c.Resources)
	}
}

func TestTheAuditLogSaysWhatWasDecided(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	create(t, ns, pod("audited", asking()))
	event, err := plane.AwaitAudit(t.Context(), func(e controlplane.AuditEvent) bool {
		return e.Verb == "create" && e.ObjectRef.Namespace == ns && e.ObjectRef.Resource == "pods"
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"inject.pillion.dev/policy": "default", "inject.pillion.dev/result": "Injected",
		"inject.pillion.dev/reason": "Requested", "inject.pillion.dev/helpers": "pillion-git-poller",
	}
	for key, value := range want {
		if event.Annotations[key] != value {
			t.Errorf("audit annotation %s is %q, want %q; all: %v", key, event.Annotations[key], value, event.Annotations)
		}
	}
}

func TestAPodCopiedFromAnInjectedOneIsAdmitted(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	original := create(t, ns, pod("web", asking()))
	copied := pod("older", original.Annotations)
	copied.Spec = *original.Spec.DeepCopy()
	copied.Spec.InitContainers[0].Image = "ghcr.io/pillion-dev/pillion-helper:v0.0.1" // what an older version wrote
	got := create(t, ns, copied)
	want := helper(t, original, "pillion-git-poller").Image
	if image := helper(t, got, "pillion-git-poller").Image; image != want {
		t.Errorf("the helper's image is %s, want it renewed to %s", image, want)
	}
	if status := got.Annotations["pillion.dev/status"]; !strings.Contains(status, `"renewed":["pillion-git-poller"]`) {
		t.Errorf("the status does not say what was renewed: %s", status)
	}
	if _, _, err := plane.Kubectl(t.Context(), "", "debug", "web", "-n", ns, "--copy-to=debugged", "--image=busybox", "--attach=false"); err != nil {
		t.Fatal(err)
	}
}

// await asks until the answer is yes. It is for what a controller does in its own time.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited five minutes for %s", what)
		}
	}
}

func TestAPodWithABudgetOfItsOwnKeepsIt(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	p := pod("web", asking())
	budget := corev1.ResourceList{"cpu": resource.MustParse("5m"), "memory": resource.MustParse("16Mi")} // less than the helper would request
	p.Spec.Resources = &corev1.ResourceRequirements{Requests: budget, Limits: budget}
	got := create(t, ns, p)
	helper(t, got, "pillion-git-poller")
	if got.Status.QOSClass != corev1.PodQOSGuaranteed {
		t.Errorf("the pod was Guaranteed and is %s", got.Status.QOSClass)
	}
}
