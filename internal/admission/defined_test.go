// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// What kubectl apply says about a helper that the platform defined is what it says about ours.
func TestWorkloadsAreWarnedOfDefinedHelpers(t *testing.T) {
	t.Parallel()
	policies, err := policy.LoadDir("../../examples/helpers/policies")
	if err != nil {
		t.Fatal(err)
	}
	const at = `"log-shipper.pillion.dev/mount-path":"/var/log/app"`
	for _, c := range []struct {
		name, own, template string
		want                []string
		seen                observation
	}{
		{
			"what each pod gets", "", at,
			[]string{"pillion: policy default: each pod gets pillion-log-shipper (for web)"},
			observation{"default", "Injected", "Requested"},
		},
		{
			"an annotation in the wrong place", at, "",
			[]string{"pillion: log-shipper.pillion.dev/mount-path does nothing on the Deployment itself; move to", "pillion:   spec.template.metadata.annotations"},
			observation{"default", "Skipped", "WrongObject"},
		},
		{
			"a wrong option, and what the policy does not allow", "", at + `,"log-shipper.pillion.dev/steam":"app","log-shipper.pillion.dev/memory":"1Gi"`,
			[]string{
				"pillion: policy default will deny the pods of this Deployment:",
				`pillion: log-shipper.pillion.dev/steam: log-shipper has no option "steam"; did you mean`,
				`pillion:   "log-shipper.pillion.dev/stream"?`,
				`pillion: log-shipper.pillion.dev/memory: "1Gi": policy "default" does not allow this value: the maximum is 512Mi`,
				"pillion: the platform team can change policy default, spec.helpers[log-shipper].options[memory]",
			},
			observation{"default", "Denied", "UnknownAnnotation"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(map[string]*inject.Policy{"default": policies["default"]})
			response := answer(t, e.post("/warn/default", reviewOfA("Deployment", deploymentOf(c.own, c.template, noneAsked), "")))
			if diff := cmp.Diff(c.want, response.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			// The labels of the metrics are of closed sets, whatever a platform defines.
			if diff := cmp.Diff([]observation{c.seen}, e.observed, cmp.AllowUnexported(observation{})); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}
