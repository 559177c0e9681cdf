// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func fromYAML[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatANamespaceBoundsIsSaid(t *testing.T) {
	t.Parallel()
	const helper = "{date-writer: {resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 32Mi}}}}"
	for _, tt := range []struct {
		name, policy, limitRange, quota string
		want                            []string
	}{
		{"nothing", helper, "", "", nil},
		{"a range that fits", helper, "{limits: [{type: Container, max: {memory: 32Mi}, min: {cpu: 10m}}]}", "", nil},
		{"a range of claims", helper, "{limits: [{type: PersistentVolumeClaim, max: {storage: 1Gi}}]}", "", nil},
		{
			"a least request", helper, "{limits: [{type: Container, min: {cpu: 50m, memory: 16Mi}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: container pillion-date-writer requests 10m of cpu, and the minimum is 50m"},
		},
		{
			"a largest limit", helper, "{limits: [{type: Container, max: {memory: 24Mi}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: container pillion-date-writer has the limit 32Mi of memory, and the maximum is 24Mi"},
		},
		{
			"a largest limit of what the helper does not limit", helper, "{limits: [{type: Container, max: {ephemeral-storage: 1Gi}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: container pillion-date-writer has no limit of ephemeral-storage, and the maximum is 1Gi"},
		},
		{"the same with a default", helper, "{limits: [{type: Container, max: {ephemeral-storage: 1Gi}, default: {ephemeral-storage: 500Mi}}]}", "", nil},
		{
			"a ratio", helper, "{limits: [{type: Container, maxLimitRequestRatio: {memory: 1500m}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: container pillion-date-writer has the limit 32Mi of memory for a request of 16Mi, and the limit may be 1500m times the request"},
		},
		{
			"a largest pod", helper, "{limits: [{type: Pod, max: {memory: 100Mi}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: the pod with its helpers has the limit 128Mi of memory, and the maximum is 100Mi"},
		},
		{
			"a pod whose other containers have defaults", helper, "{limits: [{type: Container, default: {ephemeral-storage: 1Gi}}, {type: Pod, max: {ephemeral-storage: 1Gi}}]}", "",
			[]string{"LimitRangeDenies: the LimitRange bounds denies the pod: the pod with its helpers has the limit 2Gi of ephemeral-storage, and the maximum is 1Gi"},
		},
		{"a quota with room", helper, "", "{spec: {hard: {requests.memory: 1Gi}}, status: {hard: {requests.memory: 1Gi}, used: {requests.memory: 512Mi}}}", nil},
		{
			"a quota that is nearly used up", helper, "", "{status: {hard: {memory: 1Gi}, used: {memory: 1000Mi}}}",
			[]string{"QuotaDenies: the ResourceQuota bounds denies the next pod: with its helpers it needs 112Mi of memory (helpers 16Mi), and 24Mi of 1Gi are free"},
		},
		{
			"a quota of limits", helper, "", "{status: {hard: {limits.cpu: 2}, used: {limits.cpu: 1}}}",
			[]string{"QuotaDenies: the ResourceQuota bounds denies the next pod: with its helpers it needs 1100m of limits.cpu (helpers 100m), and 1 of 2 are free"},
		},
		{"a quota with scopes", helper, "", "{spec: {scopes: [Terminating]}, status: {hard: {limits.cpu: 8}, used: {limits.cpu: 8}}}", nil},
		{"a quota of objects", helper, "", "{status: {hard: {count/pods: 1}, used: {count/pods: 1}}}", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := clusterWith(nil, webhook("default", nil))
			c.Bounds = &Bounds{}
			if tt.limitRange != "" {
				c.Bounds.Ranges = []corev1.LimitRange{{Spec: fromYAML[corev1.LimitRangeSpec](t, tt.limitRange)}}
				c.Bounds.Ranges[0].Name = "bounds"
			}
			if tt.quota != "" {
				q := fromYAML[corev1.ResourceQuota](t, tt.quota)
				q.Name = "bounds"
				c.Bounds.Quotas = []corev1.ResourceQuota{q}
			}
			r := explained(t, map[string]string{dateMount: "/date"}, &Policies{Only: policyOf(t, "default", tt.policy)}, c, func(o *Object) {
				o.Document = withResources(t, o.Document)
			})
			var got []string
			for _, f := range r.Findings {
				got = append(got, string(f.Code)+": "+f.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || r.Good() != (tt.want == nil) {
				t.Errorf("good %v; (-want +got):\n%s", r.Good(), diff)
			}
		})
	}
}

// withResources gives the app of a Deployment memory.
func withResources(t *testing.T, document []byte) []byte {
	t.Helper()
	d := fromYAML[map[string]any](t, string(document))
	app := d["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	app["resources"] = map[string]any{"requests": map[string]any{"cpu": "10m", "memory": "96Mi"}, "limits": map[string]any{"cpu": "1", "memory": "96Mi"}}
	return jsonOf(t, d)
}

func TestAnInitContainerCountsWithTheSidecarsBeforeIt(t *testing.T) {
	t.Parallel()
	of := func(memory string) corev1.ResourceList {
		return fromYAML[corev1.ResourceList](t, "{memory: "+memory+"}")
	}
	app := bounded{name: "app", request: of("100Mi")}
	sidecar := bounded{name: "pillion-git-poller", ours: true, init: true, request: of("64Mi")}
	seed := bounded{name: "seed", init: true, once: true, request: of("150Mi")}
	for _, tt := range []struct {
		name string
		all  []bounded
		want string
	}{
		{"no init container", []bounded{app}, "100Mi"},
		{"a sidecar", []bounded{app, sidecar}, "164Mi"},
		{"an init container before the sidecar", []bounded{app, seed, sidecar}, "164Mi"},
		{"an init container behind the sidecar", []bounded{app, sidecar, seed}, "214Mi"},
		{"one that needs more than the app", []bounded{app, seed}, "150Mi"},
	} {
		total := sum(tt.all)
		if got := total.request.Memory().String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
