// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// rmidForced is the one sysctl of the IPC namespace that every kubelet allows.
const rmidForced = "kernel.shm_rmid_forced"

// again decides on a pod that has been injected.
func again(t *testing.T, pod *pod.Pod) (*pod.Pod, Decision) {
	t.Helper()
	d := decide(pod)
	if d.Result != reason.Injected {
		t.Fatalf("%s: %s", d.Result, d.Message())
	}
	out := patched(t, pod, &d.Plan)
	if second := decide(out); !second.Plan.Empty() || second.Result != reason.Unchanged {
		t.Fatalf("a second review is %s (%s) and plans %+v", second.Result, second.Message(), second.Plan)
	}
	return out, d
}

func mountsAt(c *pod.Container) []string {
	var all []string
	for _, m := range c.VolumeMounts {
		all = append(all, m.Name+":"+m.MountPath)
	}
	return all
}

func TestAContainerThatComesLaterTakesPartAsWell(t *testing.T) {
	t.Parallel()
	first, _ := again(t, MakePod("web").Init("setup").Annotate(keyShm, "128Mi", keySocket, "/run/ipc", keyAfter, "web=tcp:localhost:1").Change(commands).Obj())
	first.Spec.Containers = append(first.Spec.Containers, pod.Container{Name: "proxy"})
	first.Spec.InitContainers = append([]pod.Container{{Name: "proxy-init"}}, first.Spec.InitContainers...)
	second, d := again(t, first)
	want := []string{"pillion-ipc-shm:/dev/shm", "pillion-ipc-socket:/run/ipc"}
	for _, c := range []*pod.Container{&second.Spec.Containers[1], &second.Spec.InitContainers[0]} {
		if diff := cmp.Diff(want, mountsAt(c)); diff != "" {
			t.Errorf("mounts of %s (-want +got):\n%s", c.Name, diff)
		}
	}
	if len(d.Plan.Commands) != 0 || len(d.Plan.Volumes) != 0 {
		t.Errorf("what was there is planned again: %+v", d.Plan)
	}
}

// commands gives every container one.
func commands(p *pod.Pod) {
	for i := range p.Spec.Containers {
		p.Spec.Containers[i].Command = []string{"/" + p.Spec.Containers[i].Name, "--", "x"}
	}
}

func TestKernelObjectsAreMadeBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	pod, _ := again(t, MakePod("web").Init("setup").Git(keyPosition, "first").Date().
		Annotate(keyQueues, "/a?uid=2000,/b?uid=100,/c", keyAfter, "web=mqueue:/a").Change(commands).Obj())
	var names []string
	for i := range pod.Spec.InitContainers {
		names = append(names, pod.Spec.InitContainers[i].Name)
	}
	want := []string{"pillion-ipc-init", "pillion-ipc-init-100", "pillion-ipc-init-2000", "pillion-install", "pillion-git-poller", "setup", "pillion-date-writer"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("init containers (-want +got):\n%s", diff)
	}
}

func TestTheObjectsOfTheHelpersOwnUserAreItsOwn(t *testing.T) {
	t.Parallel()
	_, d := again(t, MakePod("web").Annotate(keyQueues, "/a?uid=65532,/b").Obj())
	if len(d.Plan.Containers) != 1 || d.Plan.Containers[0].Container.Name != "pillion-ipc-init" || len(d.Plan.Containers[0].Container.Args) != 3 {
		t.Errorf("planned %+v", d.Plan.Containers)
	}
}

func TestIPCIsDeniedInASentence(t *testing.T) {
	t.Parallel()
	many := func(n int, form string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(form, i+1, i+1))
		}
		return strings.Join(all, ",")
	}
	ftok := "; ftok(3) makes the key of the file's device and inode, so all participants and Pillion need the same file: mount one volume at the same place in each of them, or write the key as a number"
	emptyHere := MakePod("web", "api").EmptyDir("v").Mount("web", at("v", "/srv")).Mount("api", at("v", "/srv/"))
	const askForLess = "; ask for less, or raise it with ipc.pillion.dev/sysctls where the policy lists it"
	sysctl := func(name, value string) func(p *pod.Pod) {
		return func(p *pod.Pod) {
			p.Spec.SecurityContext = &pod.Security{Sysctls: []corev1.Sysctl{{Name: name, Value: value}}}
		}
	}
	for _, tt := range []struct {
		name  string
		pod   *PodBuilder
		key   string
		value any
		why   string
	}{
		{
			"nine queues of the default size are all that a user has", MakePod("web").Annotate(keyQueues, many(10, "/q%d?mode=%04o")), keyQueues, "/q10",
			"brings the queues of user 65532 to 828800 bytes, and a user has 819200 (RLIMIT_MSGQUEUE); make them smaller, or give this one another owner (uid=…)",
		},
		{
			"a queue more where a user has nothing left", MakePod("web").Annotate(keyQueues, many(10, "/q%d?msgsize=8096&mode=%04o")+",/r?maxmsg=1&msgsize=1"), keyQueues, "/r",
			"brings the queues of user 65532 to 819297 bytes, and a user has 819200 (RLIMIT_MSGQUEUE); make them smaller, or give this one another owner (uid=…)",
		},
		{"a sysctl of the pod that lowers a limit counts", MakePod("web").Annotate(keyQueues, "/a").Change(sysctl("fs/mqueue/msg_max", "5")), keyQueues, "/a", "wants maxmsg 10, and fs.mqueue.msg_max is 5" + askForLess},
		{"more queues than the pod may have", MakePod("web").Annotate(keyQueues, "/a,/b").Change(sysctl("fs.mqueue.queues_max", "1")), keyQueues, 2, "is the number of queues, and fs.mqueue.queues_max is 1"},
		{
			"more owners than are considered", MakePod("web").Annotate(keyQueues, many(9, "/q%d?maxmsg=1&uid=%d")), keyQueues, 9,
			"is the number of owners, each of which needs an init container; at most 8 are considered",
		},
		{
			"memory that a sysctl of the pod removes", MakePod("web").Annotate(keySysV, "shm:1:1").Change(sysctl(rmidForced, "1")), keySysV, "shm:0x00000001",
			"kernel.shm_rmid_forced removes memory that nobody is attached to, so it would be gone before the app starts; remove the sysctl, or let the app make the segment",
		},
		{"an ftok path inside an emptyDir", emptyHere.Annotate(keySysV, "msg:ftok(/srv/a,1)"), keySysV, "msg:ftok(/srv/a,1)", "nothing is in the emptyDir at /srv yet when the key is made (name that directory itself)" + ftok},
		{
			"an ftok path inside the directory for sockets", MakePod("web").Annotate(keySocket, "/run/ipc", keySysV, "msg:ftok(/run/ipc/a,1)"), keySysV, "msg:ftok(/run/ipc/a,1)",
			"nothing is in the directory /run/ipc yet when the key is made (name the directory itself)" + ftok,
		},
		{
			"an ftok path in two volumes", MakePod("web", "api").EmptyDir("v", "w").Mount("web", at("v", "/srv")).Mount("api", at("w", "/srv")).Annotate(keySysV, "msg:ftok(/srv,1)"),
			keySysV, "msg:ftok(/srv,1)", `container "web" has the volume "v" at /srv and container "api" the volume "w" at /srv` + ftok,
		},
		{
			"an ftok path in two volumes at one place", MakePod("web").Volume(pod.Volume{Name: "v"}, pod.Volume{Name: "w"}).Mount("web", at("v", "/srv")).Mount("web", at("w", "/srv/")).Annotate(keySysV, "msg:ftok(/srv,1)"),
			keySysV, "msg:ftok(/srv,1)", `container "web" mounts two volumes at /srv, "v" and "w"` + ftok,
		},
		{
			"an ftok path in a part of a volume", MakePod("web").EmptyDir("v").Mount("web", pod.VolumeMount{Name: "v", MountPath: "/srv", SubPath: "a"}).Annotate(keySysV, "msg:ftok(/srv,1)"),
			keySysV, "msg:ftok(/srv,1)", `container "web" mounts a part of the volume "v" there (subPath)` + ftok,
		},
		{
			"an ftok path where the helper has its own", MakePod("web").EmptyDir("v").Mount("web", at("v", "/var/run")).Annotate(keySysV, "msg:ftok(/var/run,1)"),
			keySysV, "/var/run", "lies in the mount at /var/run, and Pillion's own container has something at /var/run/secrets/kubernetes.io/serviceaccount; choose another directory",
		},
		{
			"two ftok paths, one volume inside the other", MakePod("web").EmptyDir("v", "w").Mount("web", at("v", "/srv")).Mount("web", at("w", "/srv/a")).Annotate(keySysV, "msg:ftok(/srv,1),msg:ftok(/srv/a,1)"),
			keySysV, "/srv/a", "lies in the mount at /srv/a, which overlaps with the one at /srv; use directories beside each other",
		},
		{"a pipe where the helper has its program", MakePod("web").Annotate(keyFIFO, "/pillion-helper/a"), keyFIFO, "/pillion-helper/a", "lies in the mount at /pillion-helper, and Pillion's own container has something at /pillion-helper; choose another directory"},
		{"a helper that takes part", MakePod("web").Git().Annotate(keyShm, "1Gi", keyIPCWho, "pillion-git-poller").RawInit(t, `{"name":"pillion-git-poller"}`), keyIPCWho, "pillion-git-poller", "is a helper; only containers of the app can take part"},
		{"a group of nothing", MakePod("web").Annotate(keyProcess, "true", keyGID, "5"), keyGID, "5", "is the group of a shared directory, and there is none; set ipc.pillion.dev/socket"},
		{
			"huge pages in a pod with a budget", MakePod("web").Annotate(keyHuge, "2Mi:2Mi").Change(func(p *pod.Pod) {
				p.Spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}
			}), keyHuge, "2Mi:2Mi", "the pod as a whole has resources (spec.resources), of which huge pages are a part; set them there and in its containers yourself",
		},
		{
			"huge pages where something else is mounted", MakePod("web").Annotate(keyHuge, "2Mi:2Mi").EmptyDir("h").Mount("web", at("h", "/dev/hugepages")).Resources("web", [2]string{"1"}, [2]string{}),
			keyHuge, "/dev/hugepages", `container "web" mounts the volume "h" there already; remove one of the two`,
		},
		{
			"a network setting on the node's network", MakePod("web").Annotate(keySysctls, "net.core.somaxconn=1").Change(func(p *pod.Pod) { p.Spec.HostNetwork = true }), keySysctls, "net.core.somaxconn=1",
			"the pod uses the node's network, whose settings are the node's; remove it",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := withRule(t, testPolicy(), "ipc", "sysctls", rule.Spec{Allow: rule.Texts{"net.*", "kernel.*"}})
			p.HostNetwork = true
			d := Injector{}.Decide(tt.pod.Obj(), p, nil)
			want := fmt.Sprintf("metadata.annotations[%s]: Invalid value: %#v: %s", tt.key, tt.value, tt.why)
			if diff := cmp.Diff([]string{want}, sentences(d)); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQueuesMayUseAllThatAUserHas(t *testing.T) {
	t.Parallel()
	var queues []string
	for i := range 10 {
		queues = append(queues, fmt.Sprintf("/q%d?maxmsg=10&msgsize=8096", i)) // 10 × 10 × (8096 + 96) = 819200
	}
	if d := decide(MakePod("web").Annotate(keyQueues, strings.Join(queues, ",")).Obj()); d.Result != reason.Injected {
		t.Errorf("%s", d.Message())
	}
}

func TestAVolumeHasItsSizeAsTheAPIServerWritesIt(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]string{"1G": "1G", "1e9": "1G", "1000000000": "1G", "1024Mi": "1Gi", "67108865": "67108865"} {
		d := decide(MakePod("web").Annotate(keyShm, size).Obj())
		if got := string(encode(t, d.Plan.Volumes[0].Volume.EmptyDir.SizeLimit)); got != `"`+want+`"` {
			t.Errorf("%s is written as %s", size, got)
		}
	}
}

func TestASysctlMakesRoomForLargerQueues(t *testing.T) {
	t.Parallel()
	p := withRule(t, testPolicy(), "ipc", "sysctls", rule.Spec{Allow: rule.Texts{"fs.mqueue.*"}})
	pod := MakePod("web").Annotate(keyQueues, "/a?maxmsg=20&msgsize=20000", keySysctls, "fs.mqueue.msg_max=20,fs.mqueue.msgsize_max=20000").Obj()
	if d := (Injector{}).Decide(pod, p, nil); d.Result != reason.Injected {
		t.Errorf("%s", d.Message())
	}
}

func TestOnlySysctlsThatAPolicyListsAreAllowed(t *testing.T) {
	t.Parallel()
	const none = `policy "web" does not allow "kernel.msgmax": a pod may set what the policy's list for sysctls allows, and it has none`
	for _, tt := range []struct {
		name, value string
		rule        *rule.Spec
		why         string // "" is allowed
	}{
		{"no rule", "kernel.msgmax=1", nil, none},
		{"no rule, and a safe one", "kernel.shm_rmid_forced=1", nil, ""},
		{"no rule, and a safe one beside another", "kernel.shm_rmid_forced=1,kernel.msgmax=1", nil, none},
		{"a rule with a default only", "kernel.msgmax=1", &rule.Spec{Default: text("kernel.msgmax=2")}, none},
		{"a rule with a fixed value", "kernel.msgmax=1", &rule.Spec{Fixed: text("kernel.msgmax=1")}, ""},
		{"a name", "kernel.msgmax=1", &rule.Spec{Allow: rule.Texts{"kernel.msgmax"}}, ""},
		{"a pattern", "kernel.msgmax=1,kernel.msgmnb=2", &rule.Spec{Allow: rule.Texts{"kernel.msg*"}}, ""},
		{"another name", "kernel.msgmax=1", &rule.Spec{Allow: rule.Texts{"kernel.sem"}}, `policy "web" does not allow this value: "kernel.msgmax" is not listed; allowed values: "kernel.sem"`},
		{"a safe one needs no list", "kernel.shm_rmid_forced=1", &rule.Spec{Allow: rule.Texts{"kernel.sem"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			if tt.rule != nil {
				withRule(t, p, "ipc", "sysctls", *tt.rule)
			}
			var want []string
			if tt.why != "" {
				want = []string{wrong(keySysctls, tt.value, tt.why)}
			}
			if diff := cmp.Diff(want, sentences(Injector{}.Decide(MakePod("web").Annotate(keySysctls, tt.value).Obj(), p, nil))); diff != "" {
				t.Errorf("sentences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPolicyKnowsTheElementsOfListsByTheirNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, value, allow string
		ok                bool
	}{
		{keyQueues, "/ch6_ipc?maxmsg=1", "/ch6_ipc", true},
		{keyQueues, "/ch6_a,/ch6_b?mode=0600", "/ch6_*", true},
		{keyQueues, "/ch6_a,/other", "/ch6_*", false},
		{keySysV, "sem:0x1234:3", "sem:4660", true},
		{keySysV, "shm:0x1234:3", "sem:*", false},
		{keySysV, "msg:ftok(/srv,A)", "msg:ftok(/srv,65)", true},
		{keyFIFO, "/run/ipc/a?mode=0600", "/run/ipc/a", true},
		{keyHuge, "2Mi:4Mi", "2Mi:*", true},
		{keyHuge, "1Gi:1Gi", "2Mi:*", false},
		{keyAfter, "web=tcp:LOCALHOST:1", "tcp:localhost:1", true},
		{keyAfter, "web=tcp:db:1", "tcp:localhost:*", false},
		{keyUmask, "web=2", "002", true},
		{keyUmask, "web=0", "0002", false},
	} {
		t.Run(tt.key+" "+tt.value+" by "+tt.allow, func(t *testing.T) {
			t.Parallel()
			helper, option, _ := strings.Cut(strings.Replace(tt.key, ".pillion.dev", "", 1), "/")
			p := withRule(t, testPolicy(), helper, option, rule.Spec{Allow: rule.Texts{rule.Text(tt.allow)}})
			pod := MakePod("web").Annotate(tt.key, tt.value).EmptyDir("v").Mount("web", at("v", "/srv")).Resources("web", [2]string{"1"}, [2]string{}).Change(commands).Obj()
			d := Injector{}.Decide(pod, p, nil)
			if ok := d.Result == reason.Injected; ok != tt.ok || !ok && d.Reason != reason.ValueNotAllowed {
				t.Errorf("%s %s", d.Result, d.Message())
			}
		})
	}
}

func TestAPatternThatNoElementCanMatchIsDenied(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ helper, option, allow string }{
		{"ipc", "mqueue", "events"},
		{"ipc", "mqueue", "/a?mode=0666"},
		{"ipc", "mqueue", "/a*,/b*"},
		{"ipc", "sysv", "sem:0x1234:3"},
		{"ipc", "fifo", "/run/ipc/a?mode=0666"},
		{"ipc", "sysctls", "kernel.msgmax=1"},
		{"ipc", "sysctls", "kernel.panic"},
		{"start", "after", "web=tcp:localhost:1"},
		{"start", "umask", "web=0002"},
	} {
		o := builtin.Find(tt.helper).Option(tt.option)
		if _, errs := (rule.Spec{Allow: rule.Texts{rule.Text(tt.allow)}}).Compile(o, nil); len(errs) == 0 {
			t.Errorf("%s: %s passed for a pattern", tt.option, tt.allow)
		}
	}
}

func TestIPCWarnsOfWhatWillNotWork(t *testing.T) {
	t.Parallel()
	users := func(p *pod.Pod) {
		p.Spec.SecurityContext = &pod.Security{RunAsUser: new(int64(1))}
		p.Spec.Containers[1].SecurityContext = &pod.ContainerSecurity{RunAsUser: new(int64(2))}
	}
	const group = "pillion: ipc: socket: containers of different users have no common group; set ipc.pillion.dev/gid"
	const mask = "pillion: ipc: socket: the listening container needs a umask such as 0002 for its group to connect; see start.pillion.dev/umask"
	limits := func(a, b string) *PodBuilder {
		return MakePod("web", "api").Resources("web", [2]string{}, [2]string{"", a}).Resources("api", [2]string{}, [2]string{"", b})
	}
	for _, tt := range []struct {
		name string
		pod  *PodBuilder
		want []string
	}{
		{"64Mi", MakePod("web").Annotate(keyShm, "64Mi"), []string{"pillion: ipc: every pod has 64Mi at /dev/shm, so shm 64Mi changes nothing"}},
		{"more than the limits", limits("64Mi", "32Mi").Annotate(keyShm, "97Mi"), []string{"pillion: ipc: shm 97Mi is more than the memory limits together, 96Mi; a container that fills it is killed"}},
		{"as much as the limits", limits("64Mi", "32Mi").Annotate(keyShm, "96Mi"), nil},
		{"an init container has no limit, and has ended when memory is short", limits("64Mi", "32Mi").Init("setup").Annotate(keyShm, "97Mi"), []string{"pillion: ipc: shm 97Mi is more than the memory limits together, 96Mi; a container that fills it is killed"}},
		{"a native sidecar has no limit", limits("64Mi", "32Mi").Sidecar("cache").Annotate(keyShm, "97Mi"), nil},
		{"one has no limit", limits("64Mi", "").Annotate(keyShm, "1Gi"), nil},
		{"one that does not take part has no limit", limits("64Mi", "").Annotate(keyShm, "1Gi", keyIPCWho, "web"), []string{"pillion: ipc: shm 1Gi is more than the memory limits together, 64Mi; a container that fills it is killed"}},
		{"different users", MakePod("web", "api").Annotate(keySocket, "/run/ipc").Change(users), []string{group}},
		{"different users in a group", MakePod("web", "api").Annotate(keySocket, "/run/ipc", keyGID, "5").Change(users), []string{mask}},
		{"different users in a group of the pod's own", MakePod("web", "api").Annotate(keySocket, "/run/ipc").Change(users).Change(func(p *pod.Pod) { p.Spec.SecurityContext.SupplementalGroups = []int64{5} }), []string{mask}},
		{"different users in a group with a umask", MakePod("web", "api").Annotate(keySocket, "/run/ipc", keyGID, "5", keyUmask, "web=2").Change(users).Change(commands), nil},
		{"one user", MakePod("web", "api").Annotate(keySocket, "/run/ipc").Change(func(p *pod.Pod) { p.Spec.SecurityContext = &pod.Security{RunAsUser: new(int64(1))} }), nil},
		{"users that are not known", MakePod("web", "api").Annotate(keySocket, "/run/ipc"), nil},
		{"containers of what the pod has as a whole", MakePod("web").Annotate(keyQueues, "/a", keyProcess, "true", keyIPCWho, "web"), []string{"pillion: ipc: containers has no effect on mqueue, process, which the pod has as a whole"}},
		{"a socket in gVisor", MakePod("web").Annotate(keySocket, "/run/ipc").Change(func(p *pod.Pod) { p.Spec.RuntimeClassName = new("runsc") }), []string{"pillion: ipc: gVisor shares a volume only with dev.gvisor.spec.mount annotations; see its documentation"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, d := again(t, tt.pod.Obj())
			if diff := cmp.Diff(tt.want, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsThatAreThereAlreadyAreNotSetAgain(t *testing.T) {
	t.Parallel()
	pod := MakePod("web").Annotate(keyProcess, "true", keySocket, "/run/ipc", keyGID, "5", keySysctls, "kernel.shm_rmid_forced=0", keyHuge, "2Mi:2Mi").Change(func(p *pod.Pod) {
		p.Spec.ShareProcessNamespace = new(true)
		p.Spec.SecurityContext = &pod.Security{FSGroup: new(int64(5)), Sysctls: []corev1.Sysctl{{Name: rmidForced, Value: "0"}}}
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("1"), "hugepages-2Mi": resource.MustParse("2097152")}
	}).Obj()
	_, d := again(t, pod)
	if set := (plan.Plan{Settings: d.Plan.Settings}); !set.Empty() || d.Plan.HugePages != nil {
		t.Errorf("planned %+v %+v", d.Plan.Settings, d.Plan.HugePages)
	}
	want := []string{"hugepages-2Mi=2Mi", "kernel.shm_rmid_forced=0", "fsGroup=5", "shareProcessNamespace"}
	if !slices.Equal(d.Helpers[0].Settings, want) {
		t.Errorf("the status has %v, want %v", d.Helpers[0].Settings, want)
	}
}
