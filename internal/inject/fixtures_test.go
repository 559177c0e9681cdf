// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Keys of annotations that many tests set.
const (
	keyRepo      = "git-poller.pillion.dev/repo"
	keyRef       = "git-poller.pillion.dev/ref"
	keyMountPath = "git-poller.pillion.dev/mount-path"
	keyTargets   = "git-poller.pillion.dev/containers"
	keyPosition  = "git-poller.pillion.dev/position"
	keySecret    = "git-poller.pillion.dev/secret"
	keyMode      = "git-poller.pillion.dev/mode"
	keyDatePath  = "date-writer.pillion.dev/mount-path"

	keyShm     = "ipc.pillion.dev/shm"
	keyQueues  = "ipc.pillion.dev/mqueue"
	keySysV    = "ipc.pillion.dev/sysv"
	keySocket  = "ipc.pillion.dev/socket"
	keyFIFO    = "ipc.pillion.dev/fifo"
	keyProcess = "ipc.pillion.dev/process"
	keyHuge    = "ipc.pillion.dev/hugepages"
	keySysctls = "ipc.pillion.dev/sysctls"
	keyGID     = "ipc.pillion.dev/gid"
	keyIPCWho  = "ipc.pillion.dev/containers"
	keyAfter   = "start.pillion.dev/after"
	keyTimeout = "start.pillion.dev/timeout"
	keyUmask   = "start.pillion.dev/umask"
)

// builtin are the helpers that all tests decide about.
var builtin = helpers.Builtin()

// PodBuilder builds the view of a pod, as it would be decoded.
type PodBuilder struct{ pod pod.Pod }

// MakePod begins a pod with app containers of these names.
func MakePod(names ...string) *PodBuilder {
	b := &PodBuilder{}
	for _, name := range names {
		b.pod.Spec.Containers = append(b.pod.Spec.Containers, pod.Container{Name: name})
	}
	return b
}

// Annotate sets annotations: a key, its value, the next key, its value.
func (b *PodBuilder) Annotate(pairs ...string) *PodBuilder {
	if b.pod.Metadata.Annotations == nil {
		b.pod.Metadata.Annotations = map[string]string{}
	}
	for pair := range slices.Chunk(pairs, 2) {
		b.pod.Metadata.Annotations[pair[0]] = pair[1]
	}
	return b
}

// Git requests git-poller with its required options, and what the pairs say.
func (b *PodBuilder) Git(pairs ...string) *PodBuilder {
	return b.Annotate(keyRepo, "https://github.com/acme/site.git", keyMountPath, "/srv/site").Annotate(pairs...)
}

// Date requests date-writer with its required options, and what the pairs say.
func (b *PodBuilder) Date(pairs ...string) *PodBuilder {
	return b.Annotate(keyDatePath, "/srv/date").Annotate(pairs...)
}

// Init appends init containers.
func (b *PodBuilder) Init(names ...string) *PodBuilder {
	for _, name := range names {
		b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, pod.Container{Name: name})
	}
	return b
}

// Sidecar appends a native sidecar.
func (b *PodBuilder) Sidecar(name string) *PodBuilder {
	b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, pod.Container{Name: name, RestartPolicy: "Always"})
	return b
}

// RawInit appends an init container with its whole JSON, as the decoder does for reserved names.
func (b *PodBuilder) RawInit(t *testing.T, raw string) *PodBuilder {
	t.Helper()
	var c pod.Container
	decode(t, []byte(raw), &c)
	c.Raw = json.RawMessage(raw)
	b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, c)
	return b
}

// RawVolume appends a volume with its whole JSON, as the decoder does for reserved names.
func (b *PodBuilder) RawVolume(t *testing.T, raw string) *PodBuilder {
	t.Helper()
	var v pod.Volume
	decode(t, []byte(raw), &v)
	v.Raw = json.RawMessage(raw)
	b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, v)
	return b
}

// Volume appends volumes.
func (b *PodBuilder) Volume(volumes ...pod.Volume) *PodBuilder {
	b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, volumes...)
	return b
}

// EmptyDir appends emptyDir volumes.
func (b *PodBuilder) EmptyDir(names ...string) *PodBuilder {
	for _, name := range names {
		b.Volume(pod.Volume{Name: name, EmptyDir: &corev1.EmptyDirVolumeSource{}})
	}
	return b
}

// Mount mounts a volume in a container or an init container.
func (b *PodBuilder) Mount(container string, m pod.VolumeMount) *PodBuilder {
	c := b.container(container)
	c.VolumeMounts = append(c.VolumeMounts, m)
	return b
}

// Resources sets the requests and limits of a container: cpu, memory; "" leaves one out.
func (b *PodBuilder) Resources(container string, requests, limits [2]string) *PodBuilder {
	list := func(amounts [2]string) corev1.ResourceList {
		out := corev1.ResourceList{}
		for i, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if amounts[i] != "" {
				out[name] = resource.MustParse(amounts[i])
			}
		}
		return out
	}
	b.container(container).Resources = corev1.ResourceRequirements{Requests: list(requests), Limits: list(limits)}
	return b
}

// Change edits what the other steps do not reach.
func (b *PodBuilder) Change(edit func(p *pod.Pod)) *PodBuilder {
	edit(&b.pod)
	return b
}

// Obj is the pod.
func (b *PodBuilder) Obj() *pod.Pod { return &b.pod }

func (b *PodBuilder) container(name string) *pod.Container {
	found, ok := b.pod.Spec.Find(name)
	if !ok {
		panic("the test has no container " + name)
	}
	return found.Container
}

// testPolicy allows all helpers everything, and has no rule.
func testPolicy() *Policy {
	allowed := func(cpu, memory string) *rule.Helper {
		return &rule.Helper{
			Image:      "registry.example/pillion-helper:v1",
			PullPolicy: corev1.PullIfNotPresent,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("8Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)},
			},
			RunAsUser:  new(int64(65532)),
			RunAsGroup: new(int64(65532)),
			VolumeSize: resource.MustParse("4Gi"),
			Rules:      map[string]*rule.Rule{},
		}
	}
	return &Policy{Name: "web", Hash: "sha256:0123456789ab", GVisor: []string{"gvisor", "runsc"}, Known: builtin, Helpers: map[string]*rule.Helper{
		"git-poller": allowed("500m", "256Mi"), "date-writer": allowed("100m", "32Mi"),
		"ipc": allowed("100m", "32Mi"), "start": allowed("100m", "32Mi"),
	}}
}

// withRule adds a rule about an option of a helper.
func withRule(t *testing.T, p *Policy, helper, option string, spec rule.Spec) *Policy {
	t.Helper()
	o := builtin.Find(helper).Option(option)
	if o == nil {
		t.Fatalf("%s has no option %s", helper, option)
	}
	compiled, errs := spec.Compile(o, nil)
	if len(errs) > 0 {
		t.Fatalf("the rule does not compile: %v", errs)
	}
	p.Helpers[helper].Rules[option] = compiled
	return p
}

// text is a scalar for the fields of a rule.Spec.
func text(s string) *rule.Text { return new(rule.Text(s)) }

// decide reviews a pod under testPolicy.
func decide(p *pod.Pod) Decision { return Injector{Version: "v0.1.0"}.Decide(p, testPolicy(), nil) }

// sentences are what a user reads of a denial.
func sentences(d Decision) []string {
	var out []string
	for _, p := range d.Problems {
		out = append(out, p.Error.Error())
	}
	return out
}

// wrong is the sentence about a wrong value.
func wrong(key, value, why string) string {
	return fmt.Sprintf("metadata.annotations[%s]: Invalid value: %q: %s", key, value, why)
}

// parseOne reads one annotation and returns its value, or the one sentence that denies it.
func parseOne(t *testing.T, key, value string) (option.Value, string) {
	t.Helper()
	p := parse(builtin, map[string]string{key: value}, nil)
	switch {
	case len(p.problems) > 1:
		t.Fatalf("one annotation has %d problems: %v", len(p.problems), p.problems)
	case len(p.problems) == 1:
		return option.Value{}, p.problems[0].Error.Error()
	}
	for _, r := range p.requests {
		for _, name := range r.Helper.OptionNames() {
			if r.Has(name) {
				return r.Value(name), ""
			}
			if closed := r.Closed(name); closed != nil {
				return option.Value{}, wrong(key, value, closed.Error())
			}
		}
	}
	t.Fatalf("%s=%q gave neither a value nor a problem", key, value)
	return option.Value{}, ""
}

// patched is the pod with a plan applied, in the way that the patch does it.
func patched(t *testing.T, before *pod.Pod, made *plan.Plan) *pod.Pod {
	t.Helper()
	out := *before
	spec := &out.Spec
	spec.Containers, spec.InitContainers = copyContainers(before.Spec.Containers), copyContainers(before.Spec.InitContainers)
	spec.Volumes = slices.Clone(before.Spec.Volumes)
	spec.ImagePullSecrets = append(slices.Clone(before.Spec.ImagePullSecrets), made.PullSecrets...)
	patchSettings(spec, made)
	for _, m := range made.Mounts {
		list := spec.Containers
		if m.Container.Init {
			list = spec.InitContainers
		}
		c := &list[m.Container.Index]
		var view pod.VolumeMount
		decode(t, encode(t, m.Mount), &view)
		if m.Renew != plan.Insert {
			c.VolumeMounts[m.Renew] = view
		} else {
			c.VolumeMounts = append(c.VolumeMounts, view)
		}
	}
	var first, last []pod.Container
	for i := range made.Containers {
		c := pod.Container{Raw: encode(t, made.Containers[i].Container)}
		decode(t, c.Raw, &c)
		switch {
		case made.Containers[i].Renew != plan.Insert:
			spec.InitContainers[made.Containers[i].Renew] = c
		case made.Containers[i].First:
			first = append(first, c)
		default:
			last = append(last, c)
		}
	}
	spec.InitContainers = slices.Concat(first, spec.InitContainers, last)
	for i := range made.Volumes {
		v := pod.Volume{Raw: encode(t, made.Volumes[i].Volume)}
		decode(t, v.Raw, &v)
		if made.Volumes[i].Renew != plan.Insert {
			spec.Volumes[made.Volumes[i].Renew] = v
		} else {
			spec.Volumes = append(spec.Volumes, v)
		}
	}
	out.Metadata.Annotations = maps.Clone(before.Metadata.Annotations)
	if out.Metadata.Annotations == nil {
		out.Metadata.Annotations = map[string]string{}
	}
	for _, a := range made.Annotations {
		out.Metadata.Annotations[a.Key] = a.Value
	}
	return &out
}

// patchSettings applies what is no list of things with names.
func patchSettings(spec *pod.Spec, made *plan.Plan) {
	for _, w := range made.Commands {
		c := &spec.Containers[w.Container.Index]
		c.Command = slices.Concat(w.Wrapper, c.Command[w.Renew:])
	}
	for _, l := range made.HugePages {
		list := spec.Containers
		if l.Container.Init {
			list = spec.InitContainers
		}
		r := &list[l.Container.Index].Resources
		r.Limits = maps.Clone(r.Limits)
		if r.Limits == nil {
			r.Limits = corev1.ResourceList{}
		}
		r.Limits[l.Resource] = l.Limit
	}
	s := &made.Settings
	if s.ShareProcesses {
		spec.ShareProcessNamespace = new(true)
	}
	if s.FSGroup == nil && s.Sysctls == nil {
		return
	}
	security := pod.Security{}
	if spec.SecurityContext != nil {
		security = *spec.SecurityContext
	}
	if s.FSGroup != nil {
		security.FSGroup = s.FSGroup
	}
	security.Sysctls = slices.Concat(security.Sysctls, s.Sysctls)
	spec.SecurityContext = &security
}

func copyContainers(list []pod.Container) []pod.Container {
	list = slices.Clone(list)
	for i := range list {
		list[i].VolumeMounts = slices.Clone(list[i].VolumeMounts)
	}
	return list
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decode(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}

// rootOf is the path of a pod template in its workload.
func rootOf(names ...string) *field.Path { return field.NewPath(names[0], names[1:]...) }
