// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func TestIPCGivesAllThatThereMayBe(t *testing.T) {
	t.Parallel()
	const mostOwners = 8
	var owners []string
	for i := range mostOwners {
		owners = append(owners, fmt.Sprintf("/q%d?maxmsg=1&uid=%d", i, i+1))
	}
	two := []corev1.Sysctl{{Name: "fs.mqueue.queues_max", Value: "2"}}
	for name, pod := range map[string]*PodBuilder{
		"as many owners as are considered":             MakePod("web").Annotate(keyQueues, strings.Join(owners, ",")),
		"as many queues as the pod may have":           MakePod("web").Annotate(keyQueues, "/a,/b").Change(func(p *pod.Pod) { p.Spec.SecurityContext = &pod.Security{Sysctls: two} }),
		"huge pages in a pod whose budget has nothing": MakePod("web").Annotate(keyHuge, "2Mi:2Mi").Resources("web", [2]string{"1"}, [2]string{}).Change(func(p *pod.Pod) { p.Spec.Resources = &corev1.ResourceRequirements{} }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := decide(pod.Obj()); d.Result != reason.Injected {
				t.Errorf("%s: %s", d.Result, d.Message())
			}
		})
	}
}

func TestEachSharedDirectoryHasAVolumeOfItsOwn(t *testing.T) {
	t.Parallel()
	pod, d := again(t, MakePod("web").Annotate(keyShm, "128Mi", keySocket, "/run/ipc", keyFIFO, "/srv/a/x,/srv/b/x,/srv/a/y").Obj())
	mounts := []string{"pillion-ipc-shm:/dev/shm", "pillion-ipc-socket:/run/ipc", "pillion-ipc-fifo:/srv/a", "pillion-ipc-fifo-2:/srv/b"}
	if diff := cmp.Diff(mounts, mountsAt(&pod.Spec.Containers[0])); diff != "" {
		t.Errorf("mounts of the app (-want +got):\n%s", diff)
	}
	volumes := []string{"pillion-ipc-shm", "pillion-ipc-socket", "pillion-ipc-fifo", "pillion-ipc-fifo-2", helper.NoTokenVolume}
	if diff := cmp.Diff(volumes, d.Helpers[0].Volumes); diff != "" {
		t.Errorf("volumes of the status (-want +got):\n%s", diff)
	}
}

func TestPillionWritesToAFolderWhereItMakesAPipe(t *testing.T) {
	t.Parallel()
	const key = "msg:ftok(/run/ipc,1)"
	for _, tt := range []struct {
		name        string
		annotations []string
		readOnly    bool
	}{
		{"it makes a pipe", []string{keyFIFO, "/run/ipc/a"}, false},
		{"it makes a key of it", []string{keySocket, "/run/ipc", keySysV, key}, true},
		{"it does both", []string{keyFIFO, "/run/ipc/a", keySysV, key}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := decide(MakePod("web").Annotate(tt.annotations...).Obj())
			if len(d.Plan.Containers) != 1 {
				t.Fatalf("%s: %s", d.Result, d.Message())
			}
			for _, m := range d.Plan.Containers[0].Container.VolumeMounts {
				if m.MountPath == "/run/ipc" && m.ReadOnly == tt.readOnly {
					return
				}
			}
			t.Errorf("mounts %+v", d.Plan.Containers[0].Container.VolumeMounts)
		})
	}
}
