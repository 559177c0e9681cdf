// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// asks wraps a spec into a pod that asks for a date-writer at /srv.
func asks(spec string) []byte {
	return []byte(`{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/srv"}},"spec":` + spec + `}`)
}

// Pods that the API server would admit, and that were written to gain something or
// only look as if they were. Each is denied with a sentence.
func TestOddPodsAreDenied(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec string
		want       reason.Reason
	}{
		{
			"the app's mount and one of ours at the same place, in two spellings",
			`{"containers":[{"name":"web","volumeMounts":[{"name":"cache","mountPath":"/srv"},{"name":"pillion-date-writer","mountPath":"/srv/"}]}],
			"volumes":[{"name":"cache","emptyDir":{}},{"name":"pillion-date-writer","emptyDir":{}}]}`,
			reason.PathConflict,
		},
		{
			"two mounts of our volume at the same place, in two spellings",
			`{"containers":[{"name":"web","volumeMounts":[{"name":"pillion-date-writer","mountPath":"/srv/"},{"name":"pillion-date-writer","mountPath":"/srv"}]}],
			"volumes":[{"name":"pillion-date-writer","emptyDir":{}}]}`,
			reason.PathConflict,
		},
		{
			"a block device with one of our names",
			`{"containers":[{"name":"web","volumeDevices":[{"name":"pillion-date-writer","devicePath":"/dev/disk"}]}],
			"volumes":[{"name":"pillion-date-writer","persistentVolumeClaim":{"claimName":"disk"}}]}`,
			reason.ReservedName,
		},
		{
			"a place inside an image, which is read-only",
			`{"containers":[{"name":"web","volumeMounts":[{"name":"files","mountPath":"/"}]}],"volumes":[{"name":"files","image":{"reference":"acme/files"}}]}`,
			reason.PathConflict,
		},
		{
			"our volume in the hands of another container",
			`{"containers":[{"name":"web","volumeMounts":[{"name":"pillion-no-token","mountPath":"/x"}]}],"volumes":[{"name":"pillion-no-token","emptyDir":{}}]}`,
			reason.ReservedName,
		},
		{
			"a sidecar with one of our names that was not asked for",
			`{"initContainers":[{"name":"pillion-git-poller","restartPolicy":"Always"}],"containers":[{"name":"web"}]}`, reason.ReservedName,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := Inject(testInjector, policy.Builtin(), asks(c.spec), Template{})
			if err != nil || out.Result != reason.Denied || out.Reason != c.want {
				t.Errorf("%s (%s) %v %s, want Denied (%s)\n%s", out.Result, out.Reason, err, out.Message(), c.want, out.Patch)
			}
		})
	}
}

// Resources of the pod that are there and empty decide nothing: the class is that of the
// containers, and a helper with lower requests would take it from them.
func TestAnEmptyBudgetIsNone(t *testing.T) {
	t.Parallel()
	const limits = `"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}`
	with, err := Inject(testInjector, policy.Builtin(), asks(`{"resources":{},"containers":[{"name":"web",`+limits+`}]}`), Template{})
	if err != nil {
		t.Fatal(err)
	}
	without, err := Inject(testInjector, policy.Builtin(), asks(`{"containers":[{"name":"web",`+limits+`}]}`), Template{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(without.Plan.Containers, with.Plan.Containers); diff != "" {
		t.Errorf("(-absent +empty):\n%s", diff)
	}
}

// manyContainers is a spec with so many containers.
func manyContainers(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(`{"name":"c%d"}`, i)
	}
	return `{"containers":[` + strings.Join(names, ",") + `]}`
}

func TestTheLargestPods(t *testing.T) {
	t.Parallel()
	t.Run("the maximum number of containers is injected", func(t *testing.T) {
		t.Parallel()
		out, err := Inject(testInjector, policy.Builtin(), asks(manyContainers(256)), Template{})
		if err != nil || out.Result != reason.Injected {
			t.Errorf("%s (%s) %v", out.Result, out.Reason, err)
		}
	})
	t.Run("one more is denied", func(t *testing.T) {
		t.Parallel()
		out, err := Inject(testInjector, policy.Builtin(), asks(manyContainers(257)), Template{})
		if err != nil || out.Result != reason.Denied || out.Reason != reason.TooMany {
			t.Errorf("%s (%s) %v", out.Result, out.Reason, err)
		}
	})
}

// A request holds up to 3 MiB, and the API server bounds annotations only after the
// webhooks. What is denied for its number is denied before it costs anything.
func TestTooManyAnnotationsCostLittle(t *testing.T) { //nolint:paralleltest // allocations are counted
	const n = 10_000
	annotations := make(map[string]string, n)
	for i := range n {
		annotations[fmt.Sprintf("i%d.git-polle.pillion.dev/mount-pat%d", i, i)] = "x"
	}
	pod := &pod.Pod{Metadata: pod.Metadata{Annotations: annotations}}
	p := policy.Builtin()
	if allocated := testing.AllocsPerRun(3, func() {
		if d := testInjector.Decide(pod, p, nil); d.Reason != reason.TooMany {
			t.Errorf("%s (%s)", d.Result, d.Reason)
		}
	}); allocated > n {
		t.Errorf("%.0f allocations for %d annotations", allocated, n)
	}
}

// A message is read in a terminal and stored in events.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"date-writer.pillion.dev/mount-path", "date-writer.pillion.dev/interval", "git-poller.pillion.dev/repo", "pillion.dev/inject"} {
		t.Run("a value of 200 KiB of "+key, func(t *testing.T) {
			t.Parallel()
			pod := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"containers":[{"name":"web"}]}}`, key, strings.Repeat("x", 200<<10))
			out, err := Inject(testInjector, policy.Builtin(), []byte(pod), Template{})
			if err != nil || out.Result != reason.Denied || len(out.Message()) > 1<<10 {
				t.Errorf("%s (%s) %v with a message of %d bytes", out.Result, out.Reason, err, len(out.Message()))
			}
		})
	}
}
