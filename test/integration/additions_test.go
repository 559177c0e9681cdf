// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

const optOutKey = "pillion.dev/inject"

func TestEveryPodOfANamespaceGetsWhatItsPolicyRequires(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, labelled("audited"))
	bare := create(t, ns, pod("bare", nil))
	writer := helper(t, bare, "pillion-date-writer")
	if writer.RestartPolicy == nil || !strings.Contains(strings.Join(writer.Args, " "), "--interval=1m") {
		t.Errorf("the helper is not what the policy requires: %v", writer.Args)
	}
	if got := mounts(bare.Spec.Containers[0]); got != "pillion-date-writer:/var/log/up" {
		t.Errorf("the app has the mounts %s", got)
	}
	if status := bare.Annotations[inject.StatusAnnotation]; !strings.Contains(status, `"policy":"audited"`) || !strings.Contains(status, `"reason":"Required"`) {
		t.Errorf("the status is %s", status)
	}
	job := pod("job", nil)
	job.Spec.RestartPolicy = corev1.RestartPolicyNever
	helper(t, create(t, ns, job), "pillion-date-writer")

	again := pod("copy", bare.Annotations) // of a pod that was injected, as kubectl debug makes it
	again.Spec = bare.Spec
	if got := create(t, ns, again); initNames(got) != initNames(bare) {
		t.Errorf("a copy has %s, and the pod %s", initNames(got), initNames(bare))
	}

	const denied = `admission webhook "audited.inject.pillion.dev" denied the request: metadata.annotations[`
	for _, tt := range []struct{ key, value, want string }{
		{optOutKey, "false", denied + `pillion.dev/inject]: Invalid value: "false": policy "audited" requires date-writer (require[0]), of which no pod can opt out; remove the annotation`},
		{dateMount, "/tmp", denied + dateMount + `]: Invalid value: "/tmp": policy "audited" requires "/var/log/up" in every pod (require[0]); remove the annotation; the platform team can change this in the policy, spec.require`},
	} {
		if diff := cmp.Diff(tt.want, createError(t, ns, pod("web", map[string]string{tt.key: tt.value}))); diff != "" {
			t.Errorf("the denial (-want +got):\n%s", diff)
		}
	}
}

func TestAPodOptsOutOfADefault(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, labelled("assisted"))
	helper(t, create(t, ns, pod("bare", nil)), "pillion-date-writer")
	own := create(t, ns, pod("own", map[string]string{"date-writer.pillion.dev/interval": "5s"}))
	if args := helper(t, own, "pillion-date-writer").Args; !strings.Contains(strings.Join(args, " "), "--interval=5s") {
		t.Errorf("the pod's own value is not used: %v", args)
	}
	for name, p := range map[string]*corev1.Pod{"opted out": pod("out", map[string]string{optOutKey: "false"}), "on the node's network": onTheNodesNetwork()} {
		if got := create(t, ns, p); len(got.Spec.InitContainers)+len(got.Spec.Containers[0].VolumeMounts) > 1 { // the token's
			t.Errorf("the pod that is %s has %s", name, initNames(got))
		}
	}
}

// An ordinary user may write the annotation that marks the mirror of a static pod. Only the
// kubelet of the pod's own node makes one.
func TestTheMarkOfAMirrorOptsNobodyOut(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, labelled("audited"))
	marked := func(name string) *corev1.Pod {
		p := pod(name, map[string]string{corev1.MirrorPodAnnotationKey: "0123"})
		p.Spec.NodeName = "node-1"
		return p
	}
	helper(t, create(t, ns, marked("by-a-person")), "pillion-date-writer")
	for name, c := range map[string]struct {
		user rest.ImpersonationConfig
		want string // the reason in the audit log
	}{
		"by-its-kubelet":        {rest.ImpersonationConfig{UserName: "system:node:node-1", Groups: []string{"system:nodes", "system:masters"}}, "MirrorPod"},
		"by-another-kubelet":    {rest.ImpersonationConfig{UserName: "system:node:node-2", Groups: []string{"system:nodes", "system:masters"}}, "Required"},
		"by-a-name-alone":       {rest.ImpersonationConfig{UserName: "system:node:node-1", Groups: []string{"system:masters"}}, "Required"},
		"by-the-group-of-nodes": {rest.ImpersonationConfig{UserName: "alice", Groups: []string{"system:nodes", "system:masters"}}, "Required"},
	} {
		config := plane.Config()
		config.Impersonate = c.user
		as, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		made, err := as.CoreV1().Pods(ns).Create(t.Context(), marked(name), metav1.CreateOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		auditOf(t, ns, "pods", name, decided{Policy: "audited", Result: string(resultOf(reason.Reason(c.want))), Reason: c.want})
		if skipped := len(made.Spec.InitContainers) == 0; skipped != (c.want == "MirrorPod") {
			t.Errorf("the pod created %s has %s", name, initNames(made))
		}
	}
}

// resultOf is the result that a reason belongs to.
func resultOf(why reason.Reason) reason.Result {
	for _, doc := range reason.All() {
		if doc.Reason == why {
			return doc.Result
		}
	}
	return ""
}

// The author of a workload that asks for nothing is told in one line what its pods get.
func TestAWorkloadIsToldWhatItsPolicyAdds(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"audited":  "Warning: pillion: policy audited: each pod gets pillion-date-writer (for web), which it requires\n",
		"assisted": "Warning: pillion: policy assisted: each pod gets pillion-date-writer (for web), unless it opts out\n",
	} {
		_, warnings, err := plane.Kubectl(t.Context(), deployment(nil, nil), "create", "-n", newNamespace(t, labelled(policy)), "-f", "-")
		if diff := cmp.Diff(want, warnings); err != nil || diff != "" {
			t.Errorf("under %s: %v (-want +got):\n%s", policy, err, diff)
		}
	}
}
