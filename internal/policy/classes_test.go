// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRuntimeClassesAreNamed(t *testing.T) {
	t.Parallel()
	const why = "must be the name of a RuntimeClass, such as gvisor"
	testParse(t, []parseTest{
		{"some", file("runtimeClasses: {gvisor: [sandboxed], deny: [kata, kata.qemu]}"), nil},
		{"a name that is none", file("runtimeClasses: {gvisor: [gvisor, G_Visor]}"), []string{`spec.runtimeClasses.gvisor[1]: Invalid value: "G_Visor": ` + why}},
		{"a pattern", file("runtimeClasses: {deny: [kata-*]}"), []string{`spec.runtimeClasses.deny[0]: Invalid value: "kata-*": ` + why}},
		{"an empty name", file("runtimeClasses: {deny: ['']}"), []string{`spec.runtimeClasses.deny[0]: Invalid value: "": ` + why}},
		{"a string for a list", file("runtimeClasses: {deny: kata}"), []string{`spec.runtimeClasses.deny: expected a list, got a string, "kata"`}},
	})
	for mapping, want := range map[string][2][]string{
		"{}":                           {{"gvisor", "runsc"}, nil},
		"{deny: [kata]}":               {{"gvisor", "runsc"}, {"kata"}},
		"{gvisor: [sandboxed]}":        {{"sandboxed"}, nil},
		"{gvisor: [], deny: [gvisor]}": {{}, {"gvisor"}},
	} {
		p := mustParse(t, file("runtimeClasses: "+mapping))
		if diff := cmp.Diff(want, [2][]string{p.GVisor, p.DeniedClasses}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mapping, diff)
		}
	}
}

func TestAPolicyThatWarnsKnowsTheHelpersThatItDoesNotList(t *testing.T) {
	t.Parallel()
	const image = "registry.example/all:v1"
	p := mustParse(t, file("enforcement: Warn", "image: "+image, "runAsUser: FromNamespace", "helpers: {date-writer: {image: registry.example/date:v1}}"))
	if !p.Warn || p.Helpers["git-poller"] != nil || p.Unlisted["date-writer"] != nil {
		t.Fatalf("Warn %t, helpers %v, unlisted %v", p.Warn, p.Helpers, p.Unlisted)
	}
	for _, name := range []string{"git-poller", "ipc", "start"} {
		h := p.Unlisted[name]
		if h == nil || h.Image != image || h.RunAsUser != nil || len(h.Rules) > 0 {
			t.Fatalf("%s is %+v", name, h)
		}
		if errs := validateResources(&h.Resources, nil); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
	if size := p.Unlisted["git-poller"].VolumeSize; size.String() != "4Gi" {
		t.Errorf("git-poller may fill %s", size.String())
	}
	if p := mustParse(t, file("helpers: {}")); p.Warn || p.Unlisted != nil {
		t.Errorf("a policy that denies: Warn %t, unlisted %v", p.Warn, p.Unlisted)
	}
}
