// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func limited(l Limits) *Policy {
	p := testPolicy()
	p.Limits = l
	return p
}

func TestAPolicyLimitsWhatAPodGetsInAll(t *testing.T) {
	t.Parallel()
	const shmKey = "ipc.pillion.dev/shm"
	size := resource.MustParse
	helpers := func(n, most int) string {
		return fmt.Sprintf(`metadata.annotations: Invalid value: %d: is the number of helpers that the pod asks for, and policy "web" allows %d in a pod (limits.helpersPerPod); ask for fewer`, n, most)
	}
	memory := func(have, names, most string) string {
		return fmt.Sprintf(`metadata.annotations: Invalid value: %q: is what the helpers' volumes in memory may hold together (%s), and policy "web" allows %s in a pod (limits.sharedMemory); ask for less`, have, names, most)
	}
	disk := func(have, names, most string) string {
		return fmt.Sprintf(`metadata.annotations: Invalid value: %q: is what the helpers' volumes on the node's disk may hold together (%s), and policy "web" allows %s in a pod (limits.volumeSize); ask for less`, have, names, most)
	}
	huge := func(p *pod.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: size("1")}
	}
	two := func() *PodBuilder {
		return MakePod("web").Git("docs.git-poller.pillion.dev/repo", "https://github.com/acme/docs.git", "docs.git-poller.pillion.dev/mount-path", "/srv/docs")
	}
	for _, tt := range []struct {
		name   string
		pod    *PodBuilder
		limits Limits
		want   []string
	}{
		{"no limits", two().Date().Annotate(shmKey, "1Ti"), Limits{}, nil},
		{"as many helpers as there may be", two().Date(), Limits{HelpersPerPod: 3}, nil},
		{"one helper more", two().Date(), Limits{HelpersPerPod: 2}, []string{helpers(3, 2)}},
		{"as much memory as there may be", MakePod("web").Annotate(shmKey, "1Gi"), Limits{SharedMemory: size("1024Mi")}, nil},
		{"a byte more", MakePod("web").Annotate(shmKey, "1073741825"), Limits{SharedMemory: size("1Gi")}, []string{memory("1073741825", "pillion-ipc-shm", "1Gi")}},
		{"memory that every pod has", MakePod("web").Annotate(shmKey, "64Mi"), Limits{SharedMemory: size("1Mi")}, nil},
		{
			"huge pages are memory", MakePod("web").Annotate(shmKey, "1Gi", "ipc.pillion.dev/hugepages", "2Mi:512Mi").Change(huge),
			Limits{SharedMemory: size("1Gi"), VolumeSize: size("1Mi")},
			[]string{memory("1536Mi", "pillion-ipc-shm, pillion-ipc-hugepages", "1Gi")},
		},
		{"as much disk as there may be, and the place of the token has none", two(), Limits{VolumeSize: size("8Gi")}, nil},
		{"more disk", two(), Limits{VolumeSize: size("8191Mi")}, []string{disk("8Gi", "pillion-git-poller, pillion-git-poller-docs", "8191Mi")}},
		{"a volume that the pod has itself", MakePod("web").Git().EmptyDir("html").Mount("web", pod.VolumeMount{Name: "html", MountPath: "/srv/site"}), Limits{VolumeSize: size("1Mi")}, nil},
		{"a Secret is on no disk", MakePod("web").Git(keySecret, "s"), Limits{VolumeSize: size("4Gi"), SharedMemory: size("1Mi")}, nil},
		{"all limits at once", two().Date().Annotate(shmKey, "2Gi"), Limits{HelpersPerPod: 1, SharedMemory: size("1Gi"), VolumeSize: size("1Gi")}, []string{
			helpers(4, 1), memory("2Gi", "pillion-ipc-shm", "1Gi"), disk("8198Mi", "pillion-date-writer, pillion-git-poller, pillion-git-poller-docs", "1Gi"),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			policy := limited(tt.limits)
			d := Injector{}.Decide(tt.pod.Obj(), policy, nil)
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" {
				t.Fatalf("sentences (-want +got):\n%s", diff)
			}
			for _, p := range d.Problems {
				if p.Reason != reason.LimitExceeded {
					t.Errorf("the reason is %s", p.Reason)
				}
			}
			if d.Result == reason.Denied {
				return
			}
			if again := (Injector{}).Decide(patched(t, tt.pod.Obj(), &d.Plan), policy, nil); again.Result != reason.Unchanged {
				t.Errorf("a second review is %s: %s", again.Result, again.Message())
			}
		})
	}
}

// What is there already counts on a second review as it did on the first.
func TestALimitHoldsForWhatIsInjectedAlready(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Git().Obj()
	d := decide(pod)
	again := Injector{}.Decide(patched(t, pod, &d.Plan), limited(Limits{VolumeSize: resource.MustParse("1Gi")}), nil)
	if again.Result != reason.Denied || again.Reason != reason.LimitExceeded {
		t.Errorf("%s (%s) %s", again.Result, again.Reason, again.Message())
	}
}
