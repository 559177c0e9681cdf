// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject"
)

func TestLimitsAreChecked(t *testing.T) {
	t.Parallel()
	limits := func(mapping string, more ...string) string {
		return file(append([]string{"limits: " + mapping}, more...)...)
	}
	size := func(name, value string) []string {
		return []string{"spec.limits." + name + `: Invalid value: "` + value + `": must be a positive quantity of bytes, such as 4Gi; remove it for no limit`}
	}
	count := func(value string) []string {
		return []string{"spec.limits.helpersPerPod: Invalid value: " + value + ": must be a number from 1 on; remove it for no limit, or list no helper to allow none"}
	}
	ipc := func(rule string) []string { return []string{"helpers:", "  ipc: {options: {shm: " + rule + "}}"} }
	tooLittle := func(cap, rule string) []string {
		return []string{`spec.limits.sharedMemory: Invalid value: "` + cap + `": is less than the rule for shm of ipc gives every pod, ` + rule + "; raise it, or lower that"}
	}
	testParse(t, []parseTest{
		{"none", limits("{}"), nil},
		{"all", limits("{helpersPerPod: 1, sharedMemory: 1Gi, volumeSize: 1Gi}"), nil},
		{"no helper", limits("{helpersPerPod: 0}"), count("0")},
		{"less than no helper", limits("{helpersPerPod: -1}"), count("-1")},
		{"a string for a number", limits("{helpersPerPod: '3'}"), []string{`spec.limits.helpersPerPod: expected a whole number, got a string, "3"`}},
		{"a fraction of helpers", limits("{helpersPerPod: 1.5}"), []string{`spec.limits.helpersPerPod: expected a whole number, got a number, "1.5"`}},
		{"memory that is no size", limits("{sharedMemory: much}"), size("sharedMemory", "much")},
		{"no memory", limits("{sharedMemory: '0'}"), size("sharedMemory", "0")},
		{"less than no disk", limits("{volumeSize: -1Gi}"), size("volumeSize", "-1Gi")},
		{"a misspelled limit", limits("{helperPerPod: 3}"), []string{`spec.limits: unknown field "helperPerPod"; did you mean "helpersPerPod"?`}},
		{"less disk than one helper has", limits("{volumeSize: 3Gi}", "helpers:", "  git-poller:"), []string{`spec.limits.volumeSize: Invalid value: "3Gi": is less than the volume of one git-poller, 4Gi; raise it, or lower volumeSizeLimit of the helper`}},
		{"as much disk as one helper has", limits("{volumeSize: 1Gi}", "helpers:", "  git-poller: {volumeSizeLimit: 1Gi}"), nil},
		{"as much memory as a pod may ask for", limits("{sharedMemory: 1Gi}", ipc("{max: 1Gi}")...), nil},
		{"less memory than a pod may ask for", limits("{sharedMemory: 1Gi}", ipc("{max: 2Gi}")...), nil},
		{"less memory than every pod has", limits("{sharedMemory: 1Gi}", ipc("{fixed: 2Gi}")...), tooLittle("1Gi", "2Gi")},
		{"less memory than a pod has by default", limits("{sharedMemory: 1Gi}", ipc("{default: 2Gi}")...), tooLittle("1Gi", "2Gi")},
		{"less memory than the minimum", limits("{sharedMemory: 1Gi}", ipc("{min: 2Gi}")...), tooLittle("1Gi", "2Gi")},
		{"as much memory as the minimum", limits("{sharedMemory: 1Gi}", ipc("{min: 1Gi}")...), nil},
	})
}

func TestLimitsAreCompiled(t *testing.T) {
	t.Parallel()
	want := inject.Limits{HelpersPerPod: 3, SharedMemory: resource.MustParse("2Gi"), VolumeSize: resource.MustParse("10Gi")}
	if diff := cmp.Diff(want, mustParse(t, file("limits: {helpersPerPod: 3, sharedMemory: 2Gi, volumeSize: 10Gi}")).Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(inject.Limits{}, mustParse(t, file("helpers: {}")).Limits); diff != "" {
		t.Errorf("without limits (-want +got):\n%s", diff)
	}
	want = inject.Limits{HelpersPerPod: 16, SharedMemory: resource.MustParse("4Gi"), VolumeSize: resource.MustParse("20Gi")}
	if diff := cmp.Diff(want, Builtin().Limits); diff != "" {
		t.Errorf("the built-in policy (-want +got):\n%s", diff)
	}
}
