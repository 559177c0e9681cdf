// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// runningAs is testPolicy with another user and group for all helpers; 0 is the namespace's.
func runningAs(user, group int64) *Policy {
	p := testPolicy()
	number := func(id int64) *int64 {
		if id == 0 {
			return nil
		}
		return &id
	}
	for _, hp := range p.Helpers {
		hp.RunAsUser, hp.RunAsGroup = number(user), number(group)
	}
	return p
}

// identities are the users and groups of planned containers, as "name user:group".
func identities(d Decision) []string {
	id := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	var all []string
	for i := range d.Plan.Containers {
		c := &d.Plan.Containers[i].Container
		all = append(all, c.Name+" "+id(c.SecurityContext.RunAsUser)+":"+id(c.SecurityContext.RunAsGroup))
	}
	return all
}

func TestHelpersRunAsThePolicySays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		user, group int64
		queues      string
		want        []string
	}{
		{"a user and a group", 1000, 2000, "/a", []string{"pillion-ipc-init 1000:2000", "pillion-date-writer 1000:2000"}},
		{"objects of others", 1000, 2000, "/a,/b?uid=65532", []string{"pillion-ipc-init 1000:2000", "pillion-ipc-init-65532 65532:2000", "pillion-date-writer 1000:2000"}},
		{"objects of the helper's own user, who is named", 1000, 2000, "/a,/b?uid=1000", []string{"pillion-ipc-init 1000:2000", "pillion-date-writer 1000:2000"}},
		{"the namespace's user and group", 0, 0, "/a", []string{"pillion-ipc-init -:-", "pillion-date-writer -:-"}},
		{"objects of others beside the namespace's user", 0, 0, "/a,/b?uid=1000", []string{"pillion-ipc-init -:-", "pillion-ipc-init-1000 1000:-", "pillion-date-writer -:-"}},
		{"objects of others only", 0, 2000, "/b?uid=1000", []string{"pillion-ipc-init-1000 1000:2000", "pillion-date-writer -:2000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := Injector{}.Decide(MakePod("web").Date().Annotate(keyQueues, tt.queues).Obj(), runningAs(tt.user, tt.group), nil)
			if diff := cmp.Diff(tt.want, identities(d)); diff != "" {
				t.Errorf("%s\nusers (-want +got):\n%s", d.Message(), diff)
			}
			for i := range d.Plan.Containers {
				if root := d.Plan.Containers[i].Container.SecurityContext.RunAsNonRoot; root == nil || !*root {
					t.Error("a container may run as root")
				}
			}
		})
	}
}

// OpenShift fills in a user of the namespace's range before the second call, and denies
// a container that has lost it.
func TestAUserThatSomebodyAssignedStays(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Date().Obj()
	policy := runningAs(0, 0)
	d := Injector{}.Decide(pod, policy, nil)
	once := string(encode(t, d.Plan.Containers[0].Container))
	for _, tt := range []struct {
		name, has string
		policy    *Policy
		renewed   bool
	}{
		{"nobody assigns", `"runAsNonRoot":true`, policy, false},
		{"a user", `"runAsNonRoot":true,"runAsUser":1000650000`, policy, false},
		{"a user and a group", `"runAsNonRoot":true,"runAsUser":1000650000,"runAsGroup":1000650000`, policy, false},
		{"root", `"runAsNonRoot":true,"runAsUser":0`, policy, true},
		{"the group of root", `"runAsNonRoot":true,"runAsGroup":0`, policy, true},
		{"what is no number", `"runAsNonRoot":true,"runAsUser":"1"`, policy, true},
		{"a user, where the policy names another", `"runAsNonRoot":true,"runAsUser":1000650000`, runningAs(1000, 0), true},
		{"more than a user", `"runAsNonRoot":false,"runAsUser":1000650000`, policy, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			second := patched(t, pod, &d.Plan)
			raw := strings.Replace(once, `"runAsNonRoot":true`, tt.has, 1)
			second.Spec.InitContainers[0].Raw = []byte(raw)
			again := Injector{}.Decide(second, tt.policy, nil)
			if got := len(again.Plan.Containers) == 1; got != tt.renewed {
				t.Errorf("%s, renewed: %t, want %t", again.Result, got, tt.renewed)
			}
		})
	}
}

func TestAHelperWithoutAUserDoesNotGoIntoAPodOfRoot(t *testing.T) {
	t.Parallel()
	ofRoot := func(user int64) func(p *pod.Pod) {
		return func(p *pod.Pod) { p.Spec.SecurityContext = &pod.Security{RunAsUser: &user} }
	}
	const why = `spec.securityContext.runAsUser: Invalid value: 0: policy "web" leaves the user of helpers to the pod (runAsUser: FromNamespace), and helpers do not run as root; set runAsUser in the containers that need root instead`
	for _, tt := range []struct {
		name   string
		pod    *PodBuilder
		policy *Policy
		want   []string
	}{
		{"two helpers, one sentence", MakePod("web").Git().Date().Change(ofRoot(0)), runningAs(0, 0), []string{why}},
		{"a pod of another user", MakePod("web").Git().Change(ofRoot(1000)), runningAs(0, 0), nil},
		{"a pod of root and helpers of their own user", MakePod("web").Git().Change(ofRoot(0)), testPolicy(), nil},
		{"objects of another owner only", MakePod("web").Annotate(keyQueues, "/a?uid=1000").Change(ofRoot(0)), runningAs(0, 0), nil},
		{"no container at all", MakePod("web").Annotate("ipc.pillion.dev/process", "true").Change(ofRoot(0)), runningAs(0, 0), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := Injector{}.Decide(tt.pod.Obj(), tt.policy, nil)
			if diff := cmp.Diff(tt.want, sentences(d)); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheBytesOfQueuesAreCountedForTheirOwner(t *testing.T) {
	t.Parallel()
	var queues []string
	for i := range 10 {
		queues = append(queues, fmt.Sprintf("/q%d", i))
	}
	for owner, policy := range map[string]*Policy{"user 1000": runningAs(1000, 0), "the helper's own user": runningAs(0, 0)} {
		d := Injector{}.Decide(MakePod("web").Annotate(keyQueues, strings.Join(queues, ",")).Obj(), policy, nil)
		if want := "brings the queues of " + owner + " to 828800 bytes"; !strings.Contains(d.Message(), want) {
			t.Errorf("got %s, want %q in it", d.Message(), want)
		}
	}
}
