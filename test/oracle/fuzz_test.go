// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	podview "github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// policies are what platform teams write: nothing, much, and the edges.
var policies = func() []*inject.Policy {
	all := []*inject.Policy{policy.Builtin()}
	for _, text := range []string{
		`
  image: registry.example/pillion-helper@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  imagePullSecrets: [pillion-registry]
  hostNetwork: Allow
  helpers:
    git-poller:
      imagePullSecrets: [pillion-registry, mirror]
      volumeSizeLimit: 0.5Gi
      proxy: {url: "https://proxy.example", noProxy: [.svc, "10.0.0.0/8", "a.example:8443"], ssh: true, secret: proxy-login}
      extraCAs: {configMap: acme-cas}
      githubAPI: https://github.example/api/v3
      resources: {requests: {cpu: "0.1", memory: 1e8}, limits: {cpu: 0.1, memory: "100000000"}}
      options:
        repo: {allow: ["https://*", "https://*:*/*", "ssh://git@*/*", "http://*/*"]}
        period: {min: 30s, max: 1h}
        metrics-port: {default: 9102}
        metrics-address: {default: pod}
    ipc: {options: {sysctls: {allow: ["kernel.*", "fs.mqueue.*", "net.*"]}}}
    start: {image: registry.example/other}
    config-reloader: {}
    date-writer:
      image: registry.example/other
      pullPolicy: Always`, `
  limits: {helpersPerPod: 1, sharedMemory: 128Mi, volumeSize: 5Gi}
  runtimeClasses: {deny: [gvisor]}
  runAsUser: 1000
  helpers:
    date-writer:
      options: {file: {fixed: "$(A).html"}, mount-path: {default: /data}, mode: {default: replace}, containers: {default: web}}
      resources: {requests: {cpu: 1500m, memory: 8Mi}, limits: {cpu: 3, memory: 8Mi}}
    ipc: {options: {shm: {max: 1Gi}, containers: {default: web}, mqueue: {allow: ["/a*", /b]}}}
    start: {options: {timeout: {max: 2m}}}
    config-reloader: {options: {notify: {allow: ["http://localhost:*/*"]}}}
    git-poller:
      options: {ref: {default: main}, wait-timeout: {max: 3s}, writable: {default: true}, position: {default: first}}`, `
  enforcement: Warn
  runAsUser: FromNamespace
  limits: {helpersPerPod: 1, sharedMemory: 128Mi}
  runtimeClasses: {gvisor: [], deny: [gvisor]}
  helpers:
    git-poller:
      runAsGroup: 3000
      options: {repo: {allow: ["https://github.com/acme/*"]}, ref: {allow: [main]}}`, `
  helpers:
    git-poller: {engine: git-sync, proxy: {url: "http://proxy.example:3128", noProxy: [.svc]}, extraCAs: {configMap: acme-cas}}
    config-reloader: {}
    date-writer: {}`, `
  enforcement: Warn
  runAsUser: FromNamespace
  limits: {volumeSize: 5Gi}
  helpers:
    git-poller: {engine: git-sync, image: "registry.example/git-sync@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}`, `
  helpers:
    git-poller: {}
    config-reloader: {}
    date-writer: {options: {file: {fixed: up.log}}}
    ipc: {options: {containers: {allow: [web, api, "init-*"]}}}
    start: {}
  require:
    - {helper: date-writer, instance: up, options: {mount-path: /up}}
    - {helper: ipc, options: {shm: 128Mi}}`, `
  runtimeClasses: {deny: [gvisor]}
  helpers: {config-reloader: {}, git-poller: {}, date-writer: {}, ipc: {}, start: {}}
  inject:
    - {helper: date-writer, options: {mount-path: /data, interval: 5s}}
    - {helper: git-poller, instance: docs, options: {repo: "https://github.com/acme/docs", mount-path: /docs}}`,
	} {
		p, err := policy.Parse([]byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec:" + text))
		if err != nil {
			panic(err) // the text is above
		}
		all = append(all, p)
	}
	return all
}()

// input is one pod and the policy for it, as bytes decide.
func input(data []byte) (*inject.Policy, *corev1.Pod) {
	s := newSource(data)
	p, pod := pick(s, policies...), s.pod()
	if s.percent(25) {
		pod = s.injectedBefore(p, pod)
	}
	return p, pod
}

// injectedBefore is a pod that this version, or an older one, or one with another policy,
// has injected, and that somebody may have edited since.
func (s *source) injectedBefore(p *inject.Policy, pod *corev1.Pod) *corev1.Pod {
	version := injector
	if s.percent(60) {
		version, p = inject.Injector{Version: "v0.0.0-older"}, pick(s, policies...)
	}
	out, err := admission.Inject(version, p, asReceived(pod), admission.Template{})
	if err != nil || out.Result != reason.Injected {
		return pod
	}
	after, err := decode(out.Patched)
	if err != nil {
		panic(err) // judged where the pod is not edited
	}
	if s.percent(50) {
		return after
	}
	for i := range after.Spec.InitContainers {
		c := &after.Spec.InitContainers[i]
		if !podview.Reserved(c.Name) {
			continue
		}
		switch s.below(6) {
		case 0:
			c.Image = "old"
		case 1:
			c.Args = append(c.Args, "--more")
		case 2:
			c.Env = []corev1.EnvVar{{Name: "A", Value: "b"}}
		case 3:
			c.SecurityContext = s.security()
		case 4:
			c.Resources = s.resources()
		case 5:
			c.VolumeMounts = c.VolumeMounts[:1]
		}
	}
	for i := range after.Spec.Volumes {
		if v := &after.Spec.Volumes[i]; podview.Reserved(v.Name) && s.percent(20) {
			*v = s.volume(v.Name)
		}
	}
	return after
}

// FuzzInjectedPodIsValid: see judge for what has to hold.
func FuzzInjectedPodIsValid(f *testing.F) {
	for i := range 64 {
		f.Add(seed(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, pod := input(data)
		raw := asReceived(pod)
		before, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := validate(before); err != nil {
			return
		}
		if d, err := judge(p, before, raw); err != nil {
			t.Errorf("%s %s under policy %s: %v\n%s", d.Result, d.Reason, p.Name, err, raw)
		}
	})
}

// seed is a number as bytes; source makes the rest of them.
func seed(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)*2654435761) }

// pods is how many random pods a plain run judges. The same number gives the same pods.
var pods = flag.Int("pods", 3000, "how many random pods to judge")

// The generator is worth something only while it makes pods of every outcome.
func TestTheGeneratorReachesEveryOutcome(t *testing.T) {
	t.Parallel()
	valid := 0
	reasons := map[reason.Reason]int{}
	for i := range *pods {
		p, pod := input(seed(i))
		raw := asReceived(pod)
		before, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := validate(before); err != nil {
			continue
		}
		valid++
		d, err := judge(p, before, raw)
		if err != nil {
			t.Errorf("pod %d: %s %s under policy %s: %v\n%s", i, d.Result, d.Reason, p.Name, err, raw)
		}
		reasons[d.Reason]++
	}
	t.Logf("%d of %d pods are valid: %v", valid, *pods, reasons)
	injected := 0
	for _, r := range []reason.Reason{reason.Requested, reason.WouldBeDenied, reason.Required, reason.ByDefault, reason.AlreadyInjected} {
		injected += reasons[r]
	}
	if valid < *pods/3 || injected < valid/6 {
		t.Errorf("only %d of %d pods are valid, of which %d get helpers: %v", valid, *pods, injected, reasons)
	}
	// Not of pods, not under a policy that is there, or not made by the generator.
	impossible := []reason.Reason{
		reason.MirrorPod, // nobody here is a kubelet
		reason.WrongObject, reason.NothingChanged, reason.UnknownPolicy, reason.TooMany, reason.HelperNotAllowed,
	}
	for _, r := range reason.All() {
		if r.Result != reason.Failed && !slices.Contains(impossible, r.Reason) && reasons[r.Reason] == 0 {
			t.Errorf("no pod of outcome %s", r.Reason)
		}
	}
}

// The golden pods of package admission, by the same rules.
func TestGoldenPods(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../internal/admission/testdata/*/pod.yaml")
	if err != nil || len(files) < 35 {
		t.Fatalf("%d golden pods: %v", len(files), err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var pod corev1.Pod
			if err := yaml.UnmarshalStrict(text, &pod); err != nil {
				t.Fatal(err)
			}
			pod.Namespace = "site" // the API server takes it from the path
			p := policy.Builtin()
			if loaded, err := policy.LoadFile(filepath.Join(dir, "policy.yaml")); err == nil {
				p = loaded
			}
			raw := asReceived(&pod)
			before, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := validate(before); err != nil && !strings.HasPrefix(filepath.Base(dir), "denied-") {
				t.Fatalf("the pod is not valid by itself: %v", err)
			}
			if _, err := judge(p, before, raw); err != nil {
				t.Error(err)
			}
		})
	}
}
