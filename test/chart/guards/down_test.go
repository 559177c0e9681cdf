// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// ignoreAndStop puts the webhook under failurePolicy: Ignore and stops it.
func ignoreAndStop(t *testing.T) {
	t.Helper()
	ns := newNamespace(t, nil)
	failurePolicy(t, admissionregistrationv1.Ignore)
	if err := plane.Webhook.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, "the webhook to be ignored", func() bool { return isGuard(tryPod(t.Context(), ns, pod("probe", asking()))) })
}

// restore undoes ignoreAndStop. The context of a test has ended when its cleanups run, so
// tests call it themselves.
func restore(t *testing.T) {
	t.Helper()
	if err := plane.Webhook.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	failurePolicy(t, admissionregistrationv1.Fail)
}

func failurePolicy(t *testing.T, to admissionregistrationv1.FailurePolicyType) {
	t.Helper()
	api := clients.AdmissionregistrationV1().MutatingWebhookConfigurations()
	config, err := api.Get(t.Context(), "pillion", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range config.Webhooks {
		config.Webhooks[i].FailurePolicy = &to
	}
	if _, err := api.Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited five minutes for %s", what)
		}
	}
}

// With failurePolicy: Ignore a pod that asks would start without its helper while the
// webhook is down. The guard makes that a denial, and affects no other pod.
func TestWhileTheWebhookIsDownAndIgnored(t *testing.T) {
	ns := newNamespace(t, nil)
	if _, err := clients.CoreV1().Pods(ns).Create(t.Context(), pod("web", asking()), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ignoreAndStop(t)
	defer restore(t)
	forged := pod("forged", asking())
	forged.Annotations["pillion.dev/status"] = `{"result":"Skipped","reason":"WindowsPod"}`
	misspelt := map[string]string{"git-poler.pillion.dev/repo": "https://github.com/acme/site.git"}
	instance := map[string]string{"docs.git-poller.pillion.dev/mount-path": "/docs"}
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string
	}{
		"a helper":               {asking(), "the annotation git-poller.pillion.dev/mount-path asks for, the init container pillion-git-poller. Either"},
		"with a forged status":   {forged.Annotations, "the annotation git-poller.pillion.dev/mount-path asks for, the init container pillion-git-poller. Either"},
		"an instance":            {instance, "the init container pillion-git-poller-docs. Either"},
		"a misspelt helper":      {misspelt, "the init container pillion-git-poler. Either"},
		"another case":           {map[string]string{"IPC.Pillion.dev/shm": "1Gi"}, "the annotation IPC.Pillion.dev/shm asks for"},
		"a key without a helper": {map[string]string{"pillion.dev/repo": "x"}, "the annotation pillion.dev/repo asks for"},
		"ipc with an instance":   {map[string]string{"a.ipc.pillion.dev/process": "true"}, "the annotation a.ipc.pillion.dev/process asks for"},
		"an option of ipc that does not exist": {
			map[string]string{"ipc.pillion.dev/shmm": "1Gi"}, "the annotation ipc.pillion.dev/shmm asks for. Either",
		},
		"shared memory":   {map[string]string{"ipc.pillion.dev/shm": "65Mi"}, "the annotation ipc.pillion.dev/shm asks for. Either"},
		"a size of words": {map[string]string{"ipc.pillion.dev/shm": "much"}, "the annotation ipc.pillion.dev/shm asks for. Either"},
		"processes":       {map[string]string{"ipc.pillion.dev/process": "true"}, "the annotation ipc.pillion.dev/process asks for. Either"},
		"a sysctl":        {map[string]string{"ipc.pillion.dev/sysctls": "kernel.msgmax=1"}, "the annotation ipc.pillion.dev/sysctls asks for. Either"},
		"an order":        {map[string]string{"start.pillion.dev/after": "web=tcp:127.0.0.1:80"}, "the init container pillion-install. Either"},
	} {
		t.Run(name, func(t *testing.T) { denied(t, ns, pod("web", c.annotations), c.want) })
	}
	for name, annotations := range map[string]map[string]string{
		"no annotations":         nil,
		"others' annotations":    {"example.com/pillion.dev": "x", "notpillion.dev/repo": "y"},
		"an opt-out":             {"pillion.dev/inject": "false"},
		"a status and no wishes": {"pillion.dev/status": "{}"},
	} {
		if err := tryPod(t.Context(), ns, pod("bystander", annotations)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("what kubectl does to a pod that is there", func(t *testing.T) { touch(t, ns) })
	t.Run("the audit log says it", func(t *testing.T) { audited(t, ns) })
}

// touch does to the pod web what people do to a running pod.
func touch(t *testing.T, ns string) {
	for _, args := range [][]string{
		{"debug", "web", "-n", ns, "--image=busybox", "--attach=false", "--profile=general"},
		{"debug", "web", "-n", ns, "--image=busybox", "--attach=false", "--profile=general", "--copy-to=copy"},
		{"debug", "web", "-n", ns, "--image=busybox", "--attach=false", "--profile=general", "--copy-to=copy-with-annotations", "--keep-annotations"},
		{"debug", "web", "-n", ns, "--image=busybox", "--attach=false", "--profile=general", "--copy-to=copy-without-init", "--keep-init-containers=false"},
		{"annotate", "pod", "web", "-n", ns, "date-writer.pillion.dev/mount-path=/html"},
		{"label", "pod", "web", "-n", ns, "team=shop"},
		{"set", "image", "pod/web", "-n", ns, "web=nginx:1.30"},
	} {
		if _, _, err := plane.Kubectl(t.Context(), "", args...); err != nil {
			t.Error(err)
		}
	}
}

func audited(t *testing.T, ns string) {
	const key = "validation.policy.admission.k8s.io/validation_failure"
	event, err := plane.AwaitAudit(t.Context(), func(e controlplane.AuditEvent) bool {
		return e.ObjectRef.Namespace == ns && e.Annotations[key] != ""
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := event.Annotations[key]; !strings.Contains(text, "pillion: the pod lacks what the annotation") {
		t.Errorf("%s: %s", key, text)
	}
}
