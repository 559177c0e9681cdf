// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// modes are what can be combined, with a value for each.
var modes = []struct{ name, key, value string }{
	{"shm", "ipc.pillion.dev/shm", "128Mi"},
	{"mqueue", "ipc.pillion.dev/mqueue", "/a?maxmsg=4,/b?uid=1000"},
	{"sysv", "ipc.pillion.dev/sysv", "msg:1,sem:2:3,shm:3:4096"},
	{"socket", "ipc.pillion.dev/socket", "/run/ipc"},
	{"fifo", "ipc.pillion.dev/fifo", "/run/ipc/in,/run/pipes/out"},
	{"process", "ipc.pillion.dev/process", "true"},
	{"hugepages", "ipc.pillion.dev/hugepages", "2Mi:4Mi"},
	{"sysctls", "ipc.pillion.dev/sysctls", "kernel.msgmax=65536,kernel.shm_rmid_forced=0"},
	{"gid", "ipc.pillion.dev/gid", "3000"},
	{"after", "start.pillion.dev/after", "web=started:api,web=mqueue:/a"},
	{"umask", "start.pillion.dev/umask", "api=0002"},
}

// shapes are pods that modes are asked for in, and which of the modes each of them
// excludes.
var shapes = []struct {
	name, spec string
	excludes   []string
}{
	{"a pod with all that is needed", `{"containers":[
		{"name":"web","image":"i","command":["web"],"resources":{"requests":{"cpu":"1"}}},
		{"name":"api","image":"i","command":["api"],"resources":{"limits":{"memory":"1Gi"}}}]}`, nil},
	{"a pod with init containers and settings of its own", `{"shareProcessNamespace":true,"restartPolicy":"Never",
		"securityContext":{"fsGroup":3000,"sysctls":[{"name":"kernel.msgmax","value":"65536"}]},
		"volumes":[{"name":"m","emptyDir":{"medium":"Memory"}},{"name":"d","emptyDir":{}}],
		"initContainers":[{"name":"setup","image":"i","resources":{"limits":{"cpu":"1","hugepages-2Mi":"4Mi"}},"volumeMounts":[{"name":"m","mountPath":"/dev/shm"}]},
			{"name":"cache","image":"i","restartPolicy":"Always","resources":{"limits":{"cpu":"1"}},"volumeMounts":[{"name":"m","mountPath":"/dev/shm"},{"name":"d","mountPath":"/run/ipc"}]}],
		"containers":[{"name":"web","image":"i","command":["web"],"resources":{"requests":{"cpu":"1"}},"volumeMounts":[{"name":"m","mountPath":"/dev/shm"}]},
			{"name":"api","image":"i","command":["api"],"resources":{"limits":{"memory":"1Gi"}},"volumeMounts":[{"name":"m","mountPath":"/dev/shm"}]}]}`, nil},
	{"a pod with nothing", `{"containers":[{"name":"web","image":"i"},{"name":"api","image":"i"}]}`, []string{"hugepages", "after", "umask"}},
	{"a pod in the node's namespaces", `{"hostIPC":true,"hostPID":true,"containers":[
		{"name":"web","image":"i","command":["web"],"resources":{"requests":{"cpu":"1"}}},
		{"name":"api","image":"i","command":["api"],"resources":{"limits":{"memory":"1Gi"}}}]}`, []string{"shm", "mqueue", "sysv", "sysctls", "process"}},
	{"a pod in gVisor", `{"runtimeClassName":"gvisor","containers":[
		{"name":"web","image":"i","command":["web"],"resources":{"requests":{"cpu":"1"}}},
		{"name":"api","image":"i","command":["api"],"resources":{"limits":{"memory":"1Gi"}}}]}`, []string{"mqueue"}},
	{
		"a pod that says otherwise", `{"shareProcessNamespace":false,"resources":{"limits":{"memory":"2Gi"}},
		"securityContext":{"fsGroup":1,"sysctls":[{"name":"kernel.msgmax","value":"1"}]},
		"volumes":[{"name":"m","emptyDir":{"medium":"Memory"}},{"name":"c","configMap":{"name":"c"}}],
		"containers":[{"name":"web","image":"i","command":["web"],"volumeMounts":[{"name":"m","mountPath":"/dev/shm"},{"name":"c","mountPath":"/run/ipc"},{"name":"c","mountPath":"/.pillion/bin"}]},
			{"name":"api","image":"i","command":["api"],"volumeMounts":[{"name":"c","mountPath":"/.pillion/bin"}]}]}`,
		[]string{"process", "sysctls", "gid", "socket", "fifo", "hugepages", "after", "umask"},
	},
}

// sentence is what a denial reads like: the field, the value, what is wrong.
var sentence = regexp.MustCompile(`^metadata\.annotations\[[a-z.-]+/[a-z]+\]: Invalid value: ".+": [^\n]{20,}$`)

// Every combination of modes in one pod either works or is denied in a sentence.
func TestEveryCombinationOfModesWorksOrIsDenied(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(`{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"web"},
		"spec":{"helpers":{"ipc":{"options":{"sysctls":{"allow":["kernel.msg*"]}}},"start":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			for set := 1; set < 1<<len(modes); set++ {
				annotations := map[string]string{}
				var asked []string
				for i, m := range modes {
					if set&(1<<i) != 0 {
						annotations[m.key] = m.value
						asked = append(asked, m.name)
					}
				}
				out, pod := combine(t, p, shape.spec, annotations, asked, shape.excludes)
				// That the patch is applied rightly, the golden pods and the oracle show.
				if out.Patch != nil && set%5 == 0 {
					proveOperations(t, pod, out.Patch)
					proveUserUnchanged(t, pod, out.Patched)
				}
			}
		})
	}
}

// combine decides on a pod and checks what has to come of it. Inject itself has taken a
// second look at what it patched.
func combine(t *testing.T, p *inject.Policy, spec string, annotations map[string]string, asked, excludes []string) (Outcome, []byte) {
	t.Helper()
	text, _ := json.Marshal(annotations)
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":` + string(text) + `},"spec":` + spec + `}`)
	out, err := Inject(testInjector, p, pod, Template{})
	if err != nil {
		t.Fatalf("%v: %v", asked, err)
	}
	want := slices.ContainsFunc(asked, func(mode string) bool { return slices.Contains(excludes, mode) })
	if !slices.Contains(asked, "socket") && !slices.Contains(asked, "fifo") && slices.Contains(asked, "gid") {
		want = true // the group of nothing, or no mode at all
	}
	if denied := out.Result == reason.Denied; denied != want {
		t.Errorf("%v: %s %s", asked, out.Result, out.Message())
	}
	for _, problem := range out.Problems {
		if text := problem.Error.Error(); !sentence.MatchString(text) && problem.Reason != reason.MissingOption {
			t.Errorf("%v: %s", asked, text)
		}
	}
	for _, w := range out.Warnings {
		if len(w) > 120 || !strings.HasPrefix(w, "pillion: ") {
			t.Errorf("%v: the warning has %d bytes: %s", asked, len(w), w)
		}
	}
	return out, pod
}
