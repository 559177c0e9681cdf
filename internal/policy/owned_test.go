// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestAnImageIsAReference(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for image, want := range map[string]bool{
		"pillion-helper":                          true,
		"pillion-helper:v1":                       true,
		"acme/pillion-helper:v1":                  true,
		"registry.example/pillion-helper":         true,
		"registry.example:5000/a/b_c/d-e__f:V1.2": true,
		"localhost:5000/helper:latest":            true,
		"Registry.EXAMPLE/helper":                 true,
		"registry.example/helper" + digest:        true,
		"registry.example/helper:v1" + digest:     true,

		" registry.example/helper":                                    false,
		"registry.example/helper\n":                                   false,
		"registry.example/my helper":                                  false,
		"registry.example/Helper":                                     false,
		"registry.example/helper:":                                    false,
		"registry.example/helper:-v1":                                 false,
		"registry.example/helper:v1:v2":                               false,
		"registry.example/helper:" + strings.Repeat("a", 129):         false,
		"registry.example/helper@sha256:abc":                          false,
		"registry.example/helper@sha256:" + strings.Repeat("A", 64):   false,
		"registry.example/helper@md5:0123":                            false,
		"registry.example//helper":                                    false,
		"registry.example/helper/":                                    false,
		"registry.example/-helper":                                    false,
		"/helper":                                                     false,
		"https://registry.example/helper":                             false,
		"registry.example/helper;rm":                                  false,
		"registry.example/$(HELPER)":                                  false,
		"registry.example/hеlper":                                     false,
		"docker://registry.example/helper":                            false,
		"registry.example/helper" + digest + "0":                      false,
		"user:hunter2@registry.example/helper":                        false,
		"registry.example/helper:v1@sha256:" + strings.Repeat("0", 1): false,
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			p, err := Parse([]byte(`{"apiVersion":"pillion.dev/v1alpha1","kind":"InjectionPolicy","metadata":{"name":"web"},"spec":{"helpers":{"git-poller":{"image":` + quote(image) + `}}}}`))
			if want {
				if err != nil || p.Helpers["git-poller"].Image != image {
					t.Fatalf("it is rejected: %v", err)
				}
				return
			}
			sentence := `spec.helpers[git-poller].image: Invalid value: ` + quote(image) + `: must be an image reference, such as registry.example/pillion-helper:v1 or one with @sha256:…`
			if diff := cmp.Diff([]string{sentence}, mistakes(err)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func quote(s string) string {
	return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"`
}

func TestWhatThePlatformOwnsIsChecked(t *testing.T) {
	t.Parallel()
	const (
		r      = "spec.helpers[git-poller].resources"
		needed = "Required value: must be positive; every helper has CPU and memory requests and limits"
		secret = "must be the name of a Secret, which has to exist in each namespace"
	)
	full := []string{"resources:", "  requests: {cpu: 1m, memory: 8Mi}", "  limits: {cpu: 100m, memory: 32Mi}"}
	with := func(lines ...string) string { return gitPoller(append([]string{"resources:"}, lines...)...) }
	testParse(t, []parseTest{
		{"all resources", gitPoller(full...), nil},
		{"requests that equal the limits", with("  requests: {cpu: 100m, memory: 32Mi}", "  limits: {cpu: 0.1, memory: 32Mi}"), nil},
		{"no resources", with("  {}"), []string{r + ".requests[cpu]: " + needed, r + ".requests[memory]: " + needed}},
		{"no limits", with("  requests: {cpu: 1m, memory: 8Mi}"), []string{r + ".limits[cpu]: " + needed, r + ".limits[memory]: " + needed}},
		{"no memory", with("  requests: {cpu: 1m}", "  limits: {cpu: 1m}"), []string{r + ".requests[memory]: " + needed}},
		{"a request of zero", with("  requests: {cpu: 0, memory: 8Mi}", "  limits: {cpu: 1m, memory: 8Mi}"), []string{r + ".requests[cpu]: " + needed}},
		{"a negative limit", with("  requests: {cpu: 1m, memory: 8Mi}", "  limits: {cpu: -1m, memory: 8Mi}"), []string{r + ".limits[cpu]: " + needed}},
		{"a request above the limit", with("  requests: {cpu: 2, memory: 8Mi}", "  limits: {cpu: 1500m, memory: 8Mi}"), []string{r + `.requests[cpu]: Invalid value: "2": is above the limit, 1500m`}},
		{"a limit on the disk", with("  requests: {cpu: 1m, memory: 8Mi}", "  limits: {cpu: 1m, memory: 8Mi, ephemeral-storage: 1Gi}"), []string{r + ".limits[ephemeral-storage]: Forbidden: only cpu and memory can be set"}},
		{"a request of a device", with("  requests: {cpu: 1m, memory: 8Mi, example.com/gpu: 1}", "  limits: {cpu: 1m, memory: 8Mi}"), []string{r + ".requests[example.com/gpu]: Forbidden: only cpu and memory can be set"}},
		{"a claim", with("  requests: {cpu: 1m, memory: 8Mi}", "  limits: {cpu: 1m, memory: 8Mi}", "  claims: [{name: gpu}]"), []string{r + ".claims: Forbidden: helpers do not take devices"}},

		{"bounds for pods", with("  memory: {default: 64Mi, max: 512Mi}", "  cpu: {max: 1, min: 5m}"), nil},
		{"bounds beside requests and limits", with("  requests: {cpu: 1m, memory: 8Mi}", "  limits: {cpu: 100m, memory: 32Mi}", "  memory: {max: 64Mi}"), nil},
		{"bounds without a most", with("  memory: {default: 64Mi}"), []string{r + ".memory.max: Required value: say how much a pod may ask for; without bounds the platform alone sets the memory of a helper"}},
		{"a most below what the helper has", with("  memory: {max: 64Mi}"), []string{r + `.memory.max: Invalid value: "64Mi": is below the limit that the helper has without it, 256Mi; raise it, or set default`}},
		{"a most below what the helper requests", with("  memory: {max: 8Mi}"), []string{
			r + `.memory.max: Invalid value: "8Mi": is below the request that the helper has without it, 32Mi; raise it, or set min or default`,
		}},
		{"a default below what the helper requests", with("  memory: {default: 8Mi, max: 8Mi}"), nil},
		{"a default above the maximum", with("  memory: {default: 1Gi, max: 512Mi}"), []string{r + `.memory.default: Invalid value: "1Gi": breaks the rule itself: the maximum is 512Mi`}},
		{"a least of nothing", with("  memory: {min: 0, default: 64Mi, max: 512Mi}"), []string{r + `.memory.min: Invalid value: "0": must be positive`}},
		{"a fixed amount", with("  memory: {fixed: 64Mi}"), []string{`spec.helpers[git-poller].resources.memory: unknown field "fixed"; the fields are default, min, max`}},
		{"an amount without bounds", with("  memory: 64Mi"), []string{`spec.helpers[git-poller].resources.memory: expected a mapping, got a string, "64Mi"`}},
		{"CPU in bytes", with("  cpu: {max: 512Mx}"), []string{r + `.cpu.max: Invalid value: "512Mx": must be a Kubernetes quantity of CPUs, such as 100m or 1.5`}},
		{"less than a thousandth of a CPU", with("  cpu: {min: 0.0001, max: 1}"), []string{r + `.cpu.min: Invalid value: "0.0001": must be at least a thousandth of a CPU and a whole number of them, such as 100m or 1.5`}},
		{"bounds among the options", gitPoller("options: {memory: {max: 64Mi}}"), []string{"spec.helpers[git-poller].options[memory]: Forbidden: is said under resources: {memory: {default: …, max: …}}"}},

		{"a size of the volume", gitPoller("volumeSizeLimit: 512Mi"), nil},
		{"a size that is none", gitPoller("volumeSizeLimit: big"), []string{`spec.helpers[git-poller].volumeSizeLimit: Invalid value: "big": must be a positive quantity of bytes, such as 4Gi`}},
		{"a size of zero", gitPoller(`volumeSizeLimit: "0"`), []string{`spec.helpers[git-poller].volumeSizeLimit: Invalid value: "0": must be a positive quantity of bytes, such as 4Gi`}},
		{"a negative size", gitPoller("volumeSizeLimit: -1Gi"), []string{`spec.helpers[git-poller].volumeSizeLimit: Invalid value: "-1Gi": must be a positive quantity of bytes, such as 4Gi`}},

		{"a pull policy for all", file("pullPolicy: Always"), nil},
		{"a pull policy that is none", file("pullPolicy: always"), []string{`spec.pullPolicy: Unsupported value: "always": supported values: "Always", "IfNotPresent", "Never"`}},
		{"a pull policy of a helper that is none", gitPoller("pullPolicy: Sometimes"), []string{`spec.helpers[git-poller].pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`}},
		{"pull secrets", file("imagePullSecrets: [mirror, a.b]"), nil},
		{"a pull secret that is no name", file("imagePullSecrets: [mirror, A_B]"), []string{`spec.imagePullSecrets[1]: Invalid value: "A_B": ` + secret}},
		{"a pull secret of a namespace", gitPoller("imagePullSecrets: [kube-system/mirror]"), []string{`spec.helpers[git-poller].imagePullSecrets[0]: Invalid value: "kube-system/mirror": ` + secret}},
		{"an image for all that is none", file("image: a b"), []string{`spec.image: Invalid value: "a b": must be an image reference, such as registry.example/pillion-helper:v1 or one with @sha256:…`}},
	})
}

func TestAHelperTakesWhatItDoesNotSetFromThePolicy(t *testing.T) {
	t.Parallel()
	p := mustParse(t, file(
		"image: registry.example/all:v1", "pullPolicy: Always", "imagePullSecrets: [all]",
		"helpers:",
		"  date-writer:",
		"  git-poller:",
		"    image: registry.example/git:v2",
		"    pullPolicy: Never",
		"    imagePullSecrets: []",
		"    volumeSizeLimit: 1Gi",
		"    resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {cpu: 2m, memory: 2Mi}}",
	))
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	nobody := new(int64(65532))
	want := map[string]*rule.Helper{
		"date-writer": {
			Image: "registry.example/all:v1", PullPolicy: corev1.PullAlways, PullSecrets: []corev1.LocalObjectReference{{Name: "all"}},
			Resources: corev1.ResourceRequirements{Requests: list("1m", "8Mi"), Limits: list("100m", "32Mi")}, RunAsUser: nobody, RunAsGroup: nobody, Rules: map[string]*rule.Rule{},
		},
		"git-poller": {
			Image: "registry.example/git:v2", PullPolicy: corev1.PullNever, VolumeSize: resource.MustParse("1Gi"),
			Resources: corev1.ResourceRequirements{Requests: list("1m", "1Mi"), Limits: list("2m", "2Mi")}, RunAsUser: nobody, RunAsGroup: nobody, Rules: map[string]*rule.Rule{},
		},
	}
	if diff := cmp.Diff(want, p.Helpers); diff != "" {
		t.Errorf("helpers (-want +got):\n%s", diff)
	}
}

func TestTheNodesNetworkIsClosedUnlessAllowed(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{"helpers: {}": false, "hostNetwork: Deny": false, "hostNetwork: Allow": true} {
		if got := mustParse(t, file(spec)).HostNetwork; got != want {
			t.Errorf("%s: %t", spec, got)
		}
	}
}
