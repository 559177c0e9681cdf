// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const manifest = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ANNOTATIONS
spec:
  containers:
  - name: web
    image: nginx:1.29
`

func TestKubectlApplyShowsWhatIsWrong(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	for _, c := range []struct{ name, annotations, want string }{
		{
			"one mistake is one sentence",
			`git-poller.pillion.dev/rep: https://github.com/acme/site.git`,
			`The request is invalid: error when creating "STDIN": admission webhook "inject.pillion.dev" denied the request: ` +
				`metadata.annotations[git-poller.pillion.dev/rep]: Forbidden: git-poller has no option "rep"; did you mean "git-poller.pillion.dev/repo"?`,
		},
		{
			"a key in upper case is not ignored in silence",
			`Git-Poller.Pillion.dev/repo: https://github.com/acme/site.git`,
			`did you mean "git-poller.pillion.dev/repo"?`,
		},
		{
			"a repository that the policy does not allow",
			"git-poller.pillion.dev/repo: http://github.com/acme/site.git\n    git-poller.pillion.dev/mount-path: /srv",
			`Error from server (Forbidden)`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, stderr, err := plane.Kubectl(t.Context(), strings.Replace(manifest, "ANNOTATIONS", c.annotations, 1), "apply", "-n", ns, "-f", "-")
			if err == nil {
				t.Fatal("kubectl apply succeeded")
			}
			if !strings.Contains(stderr, c.want) {
				t.Errorf("kubectl says\n%s\nwant\n%s", stderr, c.want)
			}
		})
	}
}

func TestFiveMistakesAreFiveSentencesInOneAnswer(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	got := createError(t, ns, pod("web", map[string]string{
		gitRepo:                               "git@github.com:acme/site.git",
		gitMount:                              "/etc",
		"git-poller.pillion.dev/period":       "60",
		"git-poller.pillion.dev/writeable":    "true",
		"date-writter.pillion.dev/mount-path": "/srv/date",
	}))
	if diff := cmp.Diff(5, strings.Count(got, "metadata.annotations[")); diff != "" {
		t.Errorf("sentences (-want +got):\n%s\n%s", diff, got)
	}
}

func TestAPodOnTheNodesNetworkIsDenied(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	p := pod("web", asking())
	p.Spec.HostNetwork = true
	if got := createError(t, ns, p); !strings.Contains(got, "spec.hostNetwork") {
		t.Errorf("the denial is %s", got)
	}
}

func TestAWindowsPodIsAdmittedWithoutHelper(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	p := pod("web", asking())
	p.Spec.OS = &corev1.PodOS{Name: corev1.Windows}
	got := create(t, ns, p)
	if len(got.Spec.InitContainers) != 0 {
		t.Errorf("a Windows pod got %s", initNames(got))
	}
	if !strings.Contains(got.Annotations["pillion.dev/status"], `"reason":"WindowsPod"`) {
		t.Errorf("the status does not say why: %s", got.Annotations["pillion.dev/status"])
	}
}

func TestWithTheWebhookDownOnlyPodsThatAskAreDenied(t *testing.T) { // alone: it stops the webhook
	ns := newNamespace(t, nil)
	if err := plane.Webhook.Stop(); err != nil {
		t.Fatal(err)
	}
	create(t, ns, pod("bystander", nil))
	create(t, ns, pod("foreign", map[string]string{"example.com/a": "b"}))
	if got := createError(t, ns, pod("web", asking())); !strings.Contains(got, `failed calling webhook "inject.pillion.dev"`) {
		t.Errorf("the error does not name the webhook: %s", got)
	}
	if err := plane.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	helper(t, create(t, ns, pod("web", asking())), "pillion-git-poller")
}

func TestAnAnnotationOfALivingPodChangesNothing(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	create(t, ns, pod("web", nil))
	patch := []byte(`{"metadata":{"annotations":{"` + gitRepo + `":"x"}}}`)
	got, err := clients.CoreV1().Pods(ns).Patch(t.Context(), "web", "application/merge-patch+json", patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Spec.InitContainers) != 0 {
		t.Errorf("a living pod got %s", initNames(got))
	}
}
