// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

func TestACheckoutHasAFifthOfItsVolume(t *testing.T) {
	t.Parallel()
	limited := func(size string) *corev1.EmptyDirVolumeSource {
		return &corev1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse(size))}
	}
	const inMemory = "pillion: the volume site is in memory: what git-poller writes counts against its memory limit"
	for _, tt := range []struct {
		name     string
		dir      *corev1.EmptyDirVolumeSource // of the app, at the mount path
		want     string
		warnings []string
	}{
		{"a volume of ours: of the policy's size", nil, "--max-size=819Mi", nil},
		{"the app's, without a limit: of the policy's size", &corev1.EmptyDirVolumeSource{}, "--max-size=819Mi", nil},
		{"the app's, of no size, which is no limit", limited("0"), "--max-size=819Mi", nil},
		{"the app's, smaller", limited("100Mi"), "--max-size=20Mi", nil},
		{"the app's, of the policy's size", limited("4Gi"), "--max-size=819Mi", nil},
		{"the app's, larger", limited("8Gi"), "--max-size=819Mi", nil},
		{"whole mebibytes, so that people can read it", limited("99Mi"), "--max-size=19Mi", nil},
		{"less than one of them is left as it is", limited("5000Ki"), "--max-size=1000Ki", nil},
		{"one of them and a byte", limited("5242885"), "--max-size=1Mi", nil},
		{"the app's, in memory", &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}, "--max-size=819Mi", []string{inMemory}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := MakePod("web").Git()
			if tt.dir != nil {
				b.Volume(pod.Volume{Name: "site", EmptyDir: tt.dir}).Mount("web", pod.VolumeMount{Name: "site", MountPath: "/srv/site"})
			}
			d := decide(b.Obj())
			if got := flagsOf(t, d, "--max-size"); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("%v, want %s", got, tt.want)
			}
			got := slices.DeleteFunc(slices.Clone(d.Warnings), func(w string) bool { return !strings.Contains(w, "memory") })
			if diff := cmp.Diff(tt.warnings, got, cmp.Transformer("nil", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMetricsPortIsWarnedOfOnlyWhereItDoesNothing(t *testing.T) {
	t.Parallel()
	const port, warning = "git-poller.pillion.dev/metrics-port", "pillion: git-poller: metrics-port has no effect with mode once"
	for _, tt := range []struct {
		name        string
		annotations []string
		want        bool
	}{
		{"with mode poll", []string{port, "9100"}, false},
		{"with mode once", []string{port, "9100", keyMode, "once"}, true},
		{"mode once without a port", []string{keyMode, "once"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := slices.Contains(decide(MakePod("web").Git(tt.annotations...).Obj()).Warnings, warning); got != tt.want {
				t.Errorf("warned %v, want %v", got, tt.want)
			}
		})
	}
}
