// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	shmSize    = "ipc.pillion.dev/shm"
	startAfter = "start.pillion.dev/after"
)

// The golden pods of ipc and start, once more on a real API server: what it stores is
// what the golden file says, and a pod that Pod Security "restricted" admits without its
// annotations is admitted with them.
func TestGoldenPodsOfIPCAndStartAreStoredAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	plain := newNamespace(t, nil)
	restricted := newNamespace(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	compliant := 0
	for _, file := range goldenPods(t) {
		dir := filepath.Dir(file)
		name := filepath.Base(dir)
		p, want := readPod(t, file), readPod(t, filepath.Join(dir, "want.yaml"))
		p.Name = name
		ns := plain
		if admitsWithout(t, restricted, p) {
			ns = restricted
			compliant++
		}
		got := create(t, ns, p)
		if diff := cmp.Diff(essence(want), essence(got), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-golden +stored):\n%s", name, diff)
		}
	}
	if compliant < 5 {
		t.Errorf("only %d golden pods comply with restricted", compliant)
	}
}

// goldenPods are those that the policy in force here injects.
func goldenPods(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, prefix := range []string{"ipc-*", "mc2-*", "start-*"} {
		files, err := filepath.Glob(filepath.Join("../../internal/admission/testdata", prefix, "pod.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), "policy.yaml")); errors.Is(err, fs.ErrNotExist) {
				all = append(all, file)
			}
		}
	}
	if len(all) < 15 {
		t.Fatalf("%d golden pods", len(all))
	}
	return all
}

func readPod(t *testing.T, file string) *corev1.Pod {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p corev1.Pod
	if err := yaml.UnmarshalStrict(text, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// admitsWithout reports whether a namespace admits a pod that asks for nothing.
func admitsWithout(t *testing.T, namespace string, p *corev1.Pod) bool {
	t.Helper()
	p = p.DeepCopy()
	p.Annotations = nil
	_, err := clients.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil && !apierrors.IsForbidden(err) {
		t.Fatalf("%s is no pod: %v", p.Name, err)
	}
	return err == nil
}

// part is what Pillion decides about a container.
type part struct {
	Name          string
	Command, Args []string
	Mounts        string
	HugePages     string
	User          *int64
}

// essence is what Pillion decides about a pod, without what an API server adds.
func essence(p *corev1.Pod) map[string]any {
	parts := func(list []corev1.Container) []part {
		var all []part
		for _, c := range list {
			e := part{Name: c.Name, Command: c.Command, Args: c.Args, Mounts: mounts(c)}
			if q, has := c.Resources.Limits["hugepages-2Mi"]; has {
				e.HugePages = q.String()
			}
			if c.SecurityContext != nil {
				e.User = c.SecurityContext.RunAsUser
			}
			all = append(all, e)
		}
		return all
	}
	var volumes []corev1.Volume
	for _, v := range p.Spec.Volumes {
		if strings.HasPrefix(v.Name, "pillion-") {
			volumes = append(volumes, v)
		}
	}
	security := corev1.PodSecurityContext{}
	if p.Spec.SecurityContext != nil {
		security = *p.Spec.SecurityContext
	}
	return map[string]any{
		"init": parts(p.Spec.InitContainers), "containers": parts(p.Spec.Containers), "volumes": volumes,
		"fsGroup": security.FSGroup, "sysctls": security.Sysctls, "processes": p.Spec.ShareProcessNamespace,
	}
}

func TestAContainerOfALaterWebhookSharesMemoryAsWell(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"aaa-mesh-ipc", "zzz-mesh-ipc"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t, nil)
			otherWebhook(t, name, ns, mesh(name))
			p := pod("web", map[string]string{shmSize: "128Mi", startAfter: "web=tcp:127.0.0.1:5432"})
			p.Spec.Containers[0].Command = []string{"nginx"}
			got := create(t, ns, p)
			for _, c := range append(got.Spec.Containers, helper(t, got, "mesh-init")) {
				if !strings.HasPrefix(mounts(c), "pillion-ipc-shm:/dev/shm") {
					t.Errorf("container %s has the mounts %q", c.Name, mounts(c))
				}
			}
			want := []string{"/.pillion/bin/pillion-helper", "run", "--wait=tcp:127.0.0.1:5432", "--timeout=5m0s", "--", "nginx"}
			if diff := cmp.Diff(want, got.Spec.Containers[0].Command); diff != "" {
				t.Errorf("the command (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnUnsafeSysctlIsDeniedWhenThePodIsMade(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	got := createError(t, ns, pod("web", map[string]string{"ipc.pillion.dev/sysctls": "kernel.msgmax=65536"}))
	const want = `policy "default" does not allow "kernel.msgmax": a pod may set what the policy's list for sysctls allows, and it has none`
	if !strings.Contains(got, want) {
		t.Errorf("the denial is %s", got)
	}
}
