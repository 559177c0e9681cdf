// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	podview "github.com/pillion-dev/pillion/internal/inject/pod"
)

// goldens are the pods of internal/admission/testdata by the names of their cases: what
// was sent and, unless it is denied, what the webhook makes of it.
func goldens(t *testing.T) (sent, made map[string]*corev1.Pod) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(plane.Root(), "internal/admission/testdata/*/pod.yaml"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no golden pods: %v", err)
	}
	sent, made = map[string]*corev1.Pod{}, map[string]*corev1.Pod{}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		sent[filepath.Base(dir)] = readPod(t, file)
		if want := filepath.Join(dir, "want.yaml"); exists(want) {
			made[filepath.Base(dir)] = readPod(t, want)
		}
	}
	return sent, made
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// readPod reads a golden pod and adds what the API server needs from the cluster around
// it.
func readPod(t *testing.T, file string) *corev1.Pod {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var p corev1.Pod
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	p.Namespace, p.Spec.ServiceAccountName = "", ""
	if class := p.Spec.RuntimeClassName; class != nil {
		c := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: *class}, Handler: "runc"}
		if _, err := clients.NodeV1().RuntimeClasses().Create(t.Context(), c, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	return &p
}

// Whatever the webhook makes of a pod, the guard is content with it.
func TestEveryGoldenPodPasses(t *testing.T) {
	_, made := goldens(t)
	for name, p := range made {
		t.Run(name, func(t *testing.T) {
			if err := tryPod(t.Context(), guardOnly, p); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without any one of its helpers each is denied, and the denial names that helper.
func TestEveryGoldenPodIsDeniedWithoutOneOfItsHelpers(t *testing.T) {
	_, made := goldens(t)
	for name, p := range made {
		for i := range p.Spec.InitContainers {
			helper := p.Spec.InitContainers[i].Name
			if !podview.Reserved(helper) || !strings.Contains(p.Annotations[inject.StatusAnnotation], strconv.Quote(helper)) {
				continue // the app's own, or left over in a copy, which no guard needs to hold
			}
			t.Run(name+" without "+helper, func(t *testing.T) {
				less := p.DeepCopy()
				less.Spec.InitContainers = slices.Delete(less.Spec.InitContainers, i, i+1)
				denied(t, guardOnly, less, helper)
			})
		}
	}
}

// A helper that was a native sidecar and is none any more is denied. The probes go as
// well, since the API server would deny the pod for them.
func TestEveryGoldenPodIsDeniedWithAHelperThatLostItsRestartPolicy(t *testing.T) {
	_, made := goldens(t)
	for name, p := range made {
		for i := range p.Spec.InitContainers {
			c := &p.Spec.InitContainers[i]
			if !podview.Reserved(c.Name) || c.RestartPolicy == nil {
				continue
			}
			t.Run(name+": "+c.Name, func(t *testing.T) {
				less := p.DeepCopy()
				less.Spec.InitContainers[i].RestartPolicy, less.Spec.InitContainers[i].StartupProbe = nil, nil
				denied(t, guardOnly, less, "pillion: the init container "+c.Name+" has lost restartPolicy: Always, ")
			})
		}
	}
}

// A command that no longer waits is denied, as is shared memory that is no longer shared.
func TestGoldenPodsAreDeniedWithoutWhatIsNoContainer(t *testing.T) {
	_, made := goldens(t)
	for _, c := range []struct {
		golden string
		change func(*corev1.Pod)
		want   string
	}{
		{
			"mc2-start-after", func(p *corev1.Pod) { c := waiting(p); c.Command = c.Command[len(c.Command)-1:] },
			"the annotation start.pillion.dev/after asks for, the command prefix that waits in container ",
		},
		{"mc2-start-after", func(p *corev1.Pod) { waiting(p).Command = nil }, "the command prefix that waits in container "},
		{"ipc-shm", withoutMounts, "the annotation ipc.pillion.dev/shm asks for. Either"},
		{"ipc-socket", withoutMounts, "the annotation ipc.pillion.dev/socket asks for. Either"},
		{"ipc-process-and-hugepages", withoutMounts, "the annotation ipc.pillion.dev/hugepages asks for. Either"},
		{"ipc-process-and-hugepages", func(p *corev1.Pod) { p.Spec.ShareProcessNamespace = nil }, "the annotation ipc.pillion.dev/process asks for. Either"},
		{"ipc-sysctls", func(p *corev1.Pod) { p.Spec.SecurityContext.Sysctls = nil }, "the annotation ipc.pillion.dev/sysctls asks for. Either"},
		{
			"ipc-mqueue-owners", func(p *corev1.Pod) { p.Spec.InitContainers = p.Spec.InitContainers[:1] },
			"pillion: the pod has lost the init container pillion-ipc-init-1000, which its annotation pillion.dev/status lists. Another webhook has taken it out. Next: kubectl pillion check",
		},
	} {
		t.Run(c.golden+": "+c.want, func(t *testing.T) {
			p := made[c.golden].DeepCopy()
			c.change(p)
			denied(t, guardOnly, p, c.want)
		})
	}
}

// waiting is the container of a pod that waits for another one.
func waiting(p *corev1.Pod) *corev1.Container {
	for i := range p.Spec.Containers {
		if slices.ContainsFunc(p.Spec.Containers[i].Command, func(word string) bool { return strings.HasPrefix(word, "--wait=") }) {
			return &p.Spec.Containers[i]
		}
	}
	return nil
}

func withoutMounts(p *corev1.Pod) {
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			list[i].VolumeMounts = nil
		}
	}
}

// lackNothing are the golden pods that ask, as they were sent, and have what they ask for
// without our doing.
var lackNothing = map[string]string{
	"already-injected-and-defaulted":  "all is there",
	"copied-from-older-version":       "the helpers of that version are there",
	"ipc-shm-of-the-pod":              "it shares memory at /dev/shm by itself",
	"ipc-shm-small":                   "every pod has that much",
	"ipc-socket-without-a-group":      "it mounts the directory by itself",
	"limit-range-extras":              "the helper is there",
	"ipc-shm-of-one":                  "something is mounted at /dev/shm; that not all share it, the webhook alone finds out",
	"denied-ipc-shm-on-disk":          "something is mounted at /dev/shm; that it is a disk, the webhook alone finds out",
	"denied-ipc-sysctl-of-the-pod":    "the sysctl is set; the value, the webhook alone compares",
	"second-look-log-agent":           "the helper is there",
	"second-look-mesh-proxy":          "the helper is there",
	"second-look-metrics-for-all":     "the helpers are there",
	"second-look-proxy-of-the-policy": "the helper is there",
	"second-look-vault-agent":         "the helper is there",

	"second-look-pull-policy-mirror-proxy-resources": "the helper is there",

	"squatted-names-renewed": "its author has written containers of these names; what is in them, the webhook alone knows",
}

// The pods as they were sent, with the webhook away: each that requests a helper is denied.
func TestEveryGoldenPodThatTheWebhookHasNotSeenIsDeniedIfItAsks(t *testing.T) {
	sent, made := goldens(t)
	for name, p := range sent {
		t.Run(name, func(t *testing.T) {
			err := tryPod(t.Context(), guardOnly, p)
			why, lacksNothing := lackNothing[name]
			after := made[name]
			passes := lacksNothing || !asks(p) || after != nil && skipped(after)
			if passes && err != nil {
				t.Errorf("denied, but %s: %v", cmp.Or(why, "it is one that Pillion leaves alone"), err)
			}
			if !passes && err == nil {
				t.Error("admitted without what it asks for")
			}
		})
	}
}

// The name behind the slash is its owner's to choose.
func TestAKeyOfAnotherDomainAsksForNothing(t *testing.T) {
	for _, key := range []string{"acme.example/x.pillion.dev", "acme.example/pillion.dev", "acme.example/git-poller.pillion.dev"} {
		if err := tryPod(t.Context(), guardOnly, pod("web", map[string]string{key: "x"})); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// asks reports whether a pod itself asks for a helper, whatever its policy adds.
func asks(p *corev1.Pod) bool {
	for key := range p.Annotations {
		ours := strings.Contains("."+strings.ToLower(key), "."+helper.Domain+"/")
		if ours && key != inject.StatusAnnotation && key != inject.InjectAnnotation {
			return true
		}
	}
	return false
}

func skipped(p *corev1.Pod) bool {
	status, has := p.Annotations[inject.StatusAnnotation]
	return !has || strings.Contains(status, `"result":"Skipped"`)
}
