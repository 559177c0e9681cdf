// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pillion-dev/pillion/internal/policy"
)

// poller is the helper that the pods below have.
const poller = "pillion-git-poller"

// injected makes a pod that the webhook injects, and returns it.
func injected(t *testing.T, ns string) *corev1.Pod {
	t.Helper()
	p, err := clients.CoreV1().Pods(ns).Create(t.Context(), pod("web", asking()), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spec.InitContainers) != 1 || p.Spec.InitContainers[0].Name != poller {
		t.Fatalf("the webhook has not injected %s: %v", poller, p.Spec.InitContainers)
	}
	return p
}

// patchPod patches the pod web, through a subresource or "". The types of a strategic merge
// patch merge containers by their names.
func patchPod(t *testing.T, ns, body string, kind types.PatchType, subresource ...string) error {
	t.Helper()
	_, err := clients.CoreV1().Pods(ns).Patch(t.Context(), "web", kind, []byte(body), metav1.PatchOptions{}, subresource...)
	return err
}

func deniedUpdate(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'pillion-injected'") || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant a denial by pillion-injected: %s", err, want)
	}
}

func TestNobodyReplacesTheImageOfAHelper(t *testing.T) {
	ns := newNamespace(t, nil)
	before := injected(t, ns)
	const digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	stays := "pillion: the image of pillion-git-poller stays as injected, " + policy.DefaultImage + ", and cannot become "
	kubectl := func(stdin string, args ...string) error {
		_, _, err := plane.Kubectl(t.Context(), stdin, append(args, "-n", ns)...)
		return err
	}
	apply := fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {initContainers: [{name: %s, image: evil.example/x:v1}]}}`, poller)
	for name, attack := range map[string]struct {
		err  error
		want string
	}{
		"kubectl set image":               {kubectl("", "set", "image", "pod/web", poller+"=evil.example/x:v1"), stays + "evil.example/x:v1. A new pod gets"},
		"all images at once":              {kubectl("", "set", "image", "pod/web", "*=evil.example/x:v1"), stays + "evil.example/x:v1. "},
		"server-side apply, forced":       {kubectl(apply, "apply", "--server-side", "--force-conflicts", "-f", "-"), stays + "evil.example/x:v1. "},
		"a JSON patch":                    {patchPod(t, ns, `[{"op":"replace","path":"/spec/initContainers/0/image","value":"evil.example/x:v1"}]`, types.JSONPatchType), stays},
		"another registry, the same path": {kubectl("", "set", "image", "pod/web", poller+"=evil.example/pillion-dev/pillion-helper:v0.1.0"), stays + "evil.example/pillion-dev/"},
		"another tag":                     {kubectl("", "set", "image", "pod/web", poller+"=ghcr.io/pillion-dev/pillion-helper:v0.0.1"), stays},
		"a digest besides the tag":        {kubectl("", "set", "image", "pod/web", poller+"="+policy.DefaultImage+digest), stays},
		"a name of 200 characters":        {kubectl("", "set", "image", "pod/web", poller+"="+strings.Repeat("a", 200)), stays + strings.Repeat("a", 128) + "...."},
		"its marks removed first, in the same patch": {patchPod(t, ns, `{"metadata":{"annotations":null},"spec":{"initContainers":[{"name":"`+poller+`","image":"evil.example/x:v1"}]}}`,
			types.StrategicMergePatchType), stays},
	} {
		t.Run(name, func(t *testing.T) { deniedUpdate(t, attack.err, attack.want) })
	}
	if err := patchPod(t, ns, `{"metadata":{"annotations":null,"labels":{"pillion.dev/inject":"false"}}}`, types.MergePatchType); err != nil {
		t.Fatalf("its marks removed: %v", err)
	}
	deniedUpdate(t, kubectl("", "set", "image", "pod/web", poller+"=evil.example/x:v1"), stays)
	err := patchPod(t, ns, `[{"op":"replace","path":"/spec/initContainers/0/args","value":["--once"]}]`, types.JSONPatchType)
	if !apierrors.IsInvalid(err) {
		t.Errorf("its arguments: %v, want what the API server says by itself", err)
	}
	after, err := clients.CoreV1().Pods(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after.Spec.InitContainers[0].Image, before.Spec.InitContainers[0].Image; got != want {
		t.Errorf("the image is %s, want %s", got, want)
	}
}

// The image of a helper is compared with what it was, so what another version of the policy
// or a registry's mirror has put there stays as well.
func TestPodsOfAnotherVersionKeepTheirImage(t *testing.T) {
	p := pod("web", asking())
	p.Spec.InitContainers = []corev1.Container{{Name: poller, Image: "mirror.example/helper:v0.0.1", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
	if _, err := clients.CoreV1().Pods(guardOnly).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, guardOnly) })
	if err := patchPod(t, guardOnly, `{"metadata":{"labels":{"team":"shop"}}}`, types.MergePatchType); err != nil {
		t.Errorf("a label: %v", err)
	}
	_, _, err := plane.Kubectl(t.Context(), "", "set", "image", "pod/web", "-n", guardOnly, poller+"="+policy.DefaultImage)
	deniedUpdate(t, err, "stays as injected, mirror.example/helper:v0.0.1, and cannot become "+policy.DefaultImage)
}

// What people and controllers do to pods that run, and what is nobody's business here.
func TestTheGuardLetsEverythingElsePass(t *testing.T) {
	ns := newNamespace(t, nil)
	injected(t, ns)
	merge, strategic := types.MergePatchType, types.StrategicMergePatchType
	for _, c := range []struct {
		name, body  string
		kind        types.PatchType
		subresource []string
	}{
		{"the app's own image", `{"spec":{"containers":[{"name":"web","image":"nginx:1.30"}]}}`, strategic, nil},
		{"the same image of the helper once more", `{"spec":{"initContainers":[{"name":"` + poller + `","image":"` + policy.DefaultImage + `"}]}}`, strategic, nil},
		{"a label and an annotation", `{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}}`, merge, nil},
		{"a finalizer", `{"metadata":{"finalizers":["batch.kubernetes.io/job-tracking"]}}`, merge, nil},
		{"no finalizer again", `{"metadata":{"finalizers":[]}}`, merge, nil},
		{"a toleration", `[{"op":"add","path":"/spec/tolerations/-","value":{"key":"a","operator":"Exists"}}]`, types.JSONPatchType, nil},
		{"a deadline", `{"spec":{"activeDeadlineSeconds":3600}}`, merge, nil},
		{"an ephemeral container", `{"spec":{"ephemeralContainers":[{"name":"debugger","image":"busybox"}]}}`, strategic, []string{"ephemeralcontainers"}},
		{"the app's own resources", `{"spec":{"containers":[{"name":"web","resources":{"requests":{"memory":"8Gi"}}}]}}`, strategic, []string{"resize"}},
		{"a kubelet's status", `{"status":{"phase":"Running"}}`, merge, []string{"status"}},
	} {
		if err := patchPod(t, ns, c.body, c.kind, c.subresource...); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	t.Run("an ephemeral container by the name of a helper", func(t *testing.T) {
		const body = `{"spec":{"ephemeralContainers":[{"name":"pillion-date-writer","image":"busybox"}]}}`
		deniedUpdate(t, patchPod(t, ns, body, strategic, "ephemeralcontainers"),
			"pillion: the name of the ephemeral container pillion-date-writer begins with pillion-, as those of helpers do; choose another name")
	})
	t.Run("a pod at its end, whose containers do not start again", func(t *testing.T) {
		if err := patchPod(t, ns, `{"status":{"phase":"Succeeded"}}`, merge, "status"); err != nil {
			t.Fatal(err)
		}
		if err := patchPod(t, ns, `{"metadata":{"finalizers":[]},"spec":{"initContainers":[{"name":"`+poller+`","image":"mirror.example/helper:v1"}]}}`, strategic); err != nil {
			t.Error(err)
		}
	})
}

// A container whose name begins like a helper's and that is no init container is an app's.
func TestPodsWithoutHelpersAreNotLookedAt(t *testing.T) {
	ns := newNamespace(t, nil)
	p := pod("web", nil)
	p.Spec.Containers[0].Name = "pillion-shop"
	if _, err := clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := patchPod(t, ns, `{"spec":{"containers":[{"name":"pillion-shop","image":"nginx:1.30"}]}}`, types.StrategicMergePatchType); err != nil {
		t.Errorf("its image: %v", err)
	}
	if err := patchPod(t, ns, `{"spec":{"ephemeralContainers":[{"name":"pillion-debugger","image":"busybox"}]}}`, types.StrategicMergePatchType, "ephemeralcontainers"); err != nil {
		t.Errorf("an ephemeral container: %v", err)
	}
}

// A step of a resize of the git-poller, as an autoscaler makes it, one after another.
func TestTheResourcesOfAHelperStayWithinThePolicy(t *testing.T) {
	ns := newNamespace(t, nil)
	injected(t, ns)
	const most = `, the limit of policy "default". Ask for less, or have the policy changed`
	for _, step := range []struct{ name, list, resource, value, want string }{
		{"less memory", "limits", "memory", "128Mi", ""},
		{"as much again as the policy has", "limits", "memory", "256Mi", ""},
		{"the same in another unit", "limits", "memory", "262144Ki", ""},
		{"a byte more", "limits", "memory", "268435457", "pillion: limits.memory of pillion-git-poller would be 268435457, and can be at most 256Mi" + most},
		{"less cpu", "limits", "cpu", "100m", ""},
		{"as much again", "limits", "cpu", "0.5", ""},
		{"a whole processor", "limits", "cpu", "1", "pillion: limits.cpu of pillion-git-poller would be 1, and can be at most 500m" + most},
		{"a larger request", "requests", "memory", "200Mi", ""},
		{"a request above its limit", "requests", "memory", "300Mi", "Invalid value"}, // by the API server itself
		{"both far above", "both", "memory", "8Gi", "pillion: limits.memory of pillion-git-poller would be 8Gi, and can be at most 256Mi" + most},
	} {
		amounts := map[string]string{step.resource: step.value}
		resources := map[string]any{step.list: amounts}
		if step.list == "both" {
			resources = map[string]any{"limits": amounts, "requests": amounts}
		}
		body, _ := json.Marshal(map[string]any{"spec": map[string]any{"initContainers": []any{map[string]any{"name": poller, "resources": resources}}}})
		err := patchPod(t, ns, string(body), types.StrategicMergePatchType, "resize")
		if step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("%s: %v, want %q", step.name, err, step.want)
		}
	}
	t.Run("the policy is that of the namespace", func(t *testing.T) {
		if err := patch(t, clients, ns, `"roomy"`, ""); err != nil {
			t.Fatal(err)
		}
		resize := func(memory string) error {
			return patchPod(t, ns, `{"spec":{"initContainers":[{"name":"`+poller+`","resources":{"limits":{"memory":"`+memory+`"}}}]}}`, types.StrategicMergePatchType, "resize")
		}
		await(t, "the label to be seen", func() bool { return resize("1Gi") == nil })
		deniedUpdate(t, resize("1025Mi"), "would be 1025Mi, and can be at most 1073741824, the limit of policy \"roomy\"")
		if err := patch(t, clients, ns, `"bounded"`, ""); err != nil {
			t.Fatal(err)
		}
		await(t, "a policy that lets pods set it to be seen", func() bool {
			err := resize("1025Mi")
			return err != nil && strings.Contains(err.Error(), `can be at most 512Mi, the limit of policy "bounded"`)
		})
		if err := resize("512Mi"); err != nil {
			t.Errorf("as much as pods can ask for: %v", err)
		}
		if err := patch(t, clients, ns, `"unknown"`, ""); err != nil {
			t.Fatal(err)
		}
		await(t, "a policy without limits to be seen", func() bool {
			err := resize("1025Mi")
			return err != nil && strings.Contains(err.Error(), `can be at most what it was, for policy "unknown" has no limit for it`)
		})
		if err := resize("512Mi"); err != nil {
			t.Errorf("less, in a namespace whose policy does not exist: %v", err)
		}
	})
}

// A helper whose name begins with that of another one has limits of its own.
func TestTheLimitsOfAHelperAreNotThoseOfAShorterName(t *testing.T) {
	ns := newNamespace(t, map[string]string{"pillion.dev/policy": "nested"})
	amounts := func(memory string) corev1.ResourceRequirements {
		list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse(memory)}
		return corev1.ResourceRequirements{Requests: list, Limits: list}
	}
	p := pod("web", nil)
	for _, name := range []string{"pillion-log-shipper", "pillion-log-shipper-audit", "pillion-log-audit"} {
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{
			Name: name, Image: "registry.acme.example/log:2026.11", RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Resources: amounts("64Mi"),
		})
	}
	if _, err := clients.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, ns) })
	resize := func(name, memory string) error {
		body, _ := json.Marshal(map[string]any{"spec": map[string]any{"initContainers": []any{map[string]any{"name": name, "resources": amounts(memory)}}}})
		return patchPod(t, ns, string(body), types.StrategicMergePatchType, "resize")
	}
	for _, step := range []struct{ name, memory, want string }{
		{"pillion-log-audit", "1Gi", ""},
		{"pillion-log-shipper", "256Mi", ""},
		{"pillion-log-shipper", "1Gi", `limits.memory of pillion-log-shipper would be 1Gi, and can be at most 256Mi, the limit of policy "nested"`},
		{"pillion-log-shipper-audit", "1Gi", `limits.memory of pillion-log-shipper-audit would be 1Gi, and can be at most 256Mi, the limit of policy "nested"`},
	} {
		if err := resize(step.name, step.memory); step.want == "" && err != nil || step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want)) {
			t.Errorf("%s to %s: %v, want %q", step.name, step.memory, err, step.want)
		}
	}
}

// remove deletes the pod web, at once.
func remove(t *testing.T, ns string) {
	t.Helper()
	if err := clients.CoreV1().Pods(ns).Delete(context.WithoutCancel(t.Context()), "web", metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
		t.Error(err)
	}
}
