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
)

// PodBuilder builds the view of a pod, as it would be decoded.
type PodBuilder struct{ pod Pod }

// MakePod begins a pod with app containers of these names.
func MakePod(names ...string) *PodBuilder {
	b := &PodBuilder{}
	for _, name := range names {
		b.pod.Spec.Containers = append(b.pod.Spec.Containers, Container{Name: name})
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

// Git asks for the least that git-poller can be asked for, and for what the pairs say.
func (b *PodBuilder) Git(pairs ...string) *PodBuilder {
	return b.Annotate(keyRepo, "https://github.com/acme/site.git", keyMountPath, "/srv/site").Annotate(pairs...)
}

// Date asks for the least that date-writer can be asked for, and for what the pairs say.
func (b *PodBuilder) Date(pairs ...string) *PodBuilder {
	return b.Annotate(keyDatePath, "/srv/date").Annotate(pairs...)
}

// Init appends init containers.
func (b *PodBuilder) Init(names ...string) *PodBuilder {
	for _, name := range names {
		b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, Container{Name: name})
	}
	return b
}

// Sidecar appends a native sidecar.
func (b *PodBuilder) Sidecar(name string) *PodBuilder {
	b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, Container{Name: name, RestartPolicy: "Always"})
	return b
}

// RawInit appends an init container with its whole JSON, as the decoder does for reserved names.
func (b *PodBuilder) RawInit(t *testing.T, raw string) *PodBuilder {
	t.Helper()
	var c Container
	decode(t, []byte(raw), &c)
	c.Raw = json.RawMessage(raw)
	b.pod.Spec.InitContainers = append(b.pod.Spec.InitContainers, c)
	return b
}

// RawVolume appends a volume with its whole JSON, as the decoder does for reserved names.
func (b *PodBuilder) RawVolume(t *testing.T, raw string) *PodBuilder {
	t.Helper()
	var v Volume
	decode(t, []byte(raw), &v)
	v.Raw = json.RawMessage(raw)
	b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, v)
	return b
}

// Volume appends volumes.
func (b *PodBuilder) Volume(volumes ...Volume) *PodBuilder {
	b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, volumes...)
	return b
}

// EmptyDir appends emptyDir volumes.
func (b *PodBuilder) EmptyDir(names ...string) *PodBuilder {
	for _, name := range names {
		b.Volume(Volume{Name: name, EmptyDir: &corev1.EmptyDirVolumeSource{}})
	}
	return b
}

// Mount mounts a volume in a container or an init container.
func (b *PodBuilder) Mount(container string, m VolumeMount) *PodBuilder {
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
func (b *PodBuilder) Change(edit func(p *Pod)) *PodBuilder {
	edit(&b.pod)
	return b
}

// Obj is the pod.
func (b *PodBuilder) Obj() *Pod { return &b.pod }

func (b *PodBuilder) container(name string) *Container {
	found, ok := b.pod.Spec.find(name)
	if !ok {
		panic("the test has no container " + name)
	}
	return found.Container
}

// testPolicy allows all helpers everything, and has no rule.
func testPolicy() *Policy {
	helper := func(cpu, memory string) *HelperPolicy {
		return &HelperPolicy{
			Image:      "registry.example/pillion-helper:v1",
			PullPolicy: corev1.PullIfNotPresent,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("8Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)},
			},
			RunAsUser:  new(int64(65532)),
			RunAsGroup: new(int64(65532)),
			VolumeSize: resource.MustParse("4Gi"),
			Rules:      map[string]*Rule{},
		}
	}
	return &Policy{Name: "web", Hash: "sha256:0123456789ab", GVisor: []string{"gvisor", "runsc"}, Helpers: map[string]*HelperPolicy{
		"git-poller": helper("500m", "256Mi"), "date-writer": helper("100m", "32Mi"),
		"ipc": helper("100m", "32Mi"), "start": helper("100m", "32Mi"),
	}}
}

// withRule adds a rule about an option of a helper.
func withRule(t *testing.T, p *Policy, helper, option string, spec RuleSpec) *Policy {
	t.Helper()
	o := FindHelper(helper).Option(option)
	if o == nil {
		t.Fatalf("%s has no option %s", helper, option)
	}
	rule, errs := spec.Compile(o, nil)
	if len(errs) > 0 {
		t.Fatalf("the rule does not compile: %v", errs)
	}
	p.Helpers[helper].Rules[option] = rule
	return p
}

// text is a scalar for the fields of a RuleSpec.
func text(s string) *Text { return new(Text(s)) }

// decide reviews a pod under testPolicy.
func decide(pod *Pod) Decision { return Injector{Version: "v0.1.0"}.Decide(pod, testPolicy(), nil) }

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

// parseOne reads one annotation and returns its value, or the one sentence that refuses it.
func parseOne(t *testing.T, key, value string) (Value, string) {
	t.Helper()
	p := parse(map[string]string{key: value}, nil)
	switch {
	case len(p.problems) > 1:
		t.Fatalf("one annotation has %d problems: %v", len(p.problems), p.problems)
	case len(p.problems) == 1:
		return Value{}, p.problems[0].Error.Error()
	}
	for _, r := range p.requests {
		for i := range r.settings {
			if r.settings[i].has {
				return r.settings[i].value, ""
			}
		}
	}
	t.Fatalf("%s=%q gave neither a value nor a problem", key, value)
	return Value{}, ""
}

// patched is the pod with a plan applied, in the way that the patch does it.
func patched(t *testing.T, pod *Pod, plan *Plan) *Pod {
	t.Helper()
	out := *pod
	spec := &out.Spec
	spec.Containers, spec.InitContainers = copyContainers(pod.Spec.Containers), copyContainers(pod.Spec.InitContainers)
	spec.Volumes = slices.Clone(pod.Spec.Volumes)
	spec.ImagePullSecrets = append(slices.Clone(pod.Spec.ImagePullSecrets), plan.PullSecrets...)
	patchSettings(spec, plan)
	for _, m := range plan.Mounts {
		list := spec.Containers
		if m.Container.Init {
			list = spec.InitContainers
		}
		c := &list[m.Container.Index]
		var view VolumeMount
		decode(t, encode(t, m.Mount), &view)
		if m.Renew != Insert {
			c.VolumeMounts[m.Renew] = view
		} else {
			c.VolumeMounts = append(c.VolumeMounts, view)
		}
	}
	var first, last []Container
	for i := range plan.Containers {
		c := Container{Raw: encode(t, plan.Containers[i].Container)}
		decode(t, c.Raw, &c)
		switch {
		case plan.Containers[i].Renew != Insert:
			spec.InitContainers[plan.Containers[i].Renew] = c
		case plan.Containers[i].First:
			first = append(first, c)
		default:
			last = append(last, c)
		}
	}
	spec.InitContainers = slices.Concat(first, spec.InitContainers, last)
	for i := range plan.Volumes {
		v := Volume{Raw: encode(t, plan.Volumes[i].Volume)}
		decode(t, v.Raw, &v)
		if plan.Volumes[i].Renew != Insert {
			spec.Volumes[plan.Volumes[i].Renew] = v
		} else {
			spec.Volumes = append(spec.Volumes, v)
		}
	}
	out.Metadata.Annotations = maps.Clone(pod.Metadata.Annotations)
	if out.Metadata.Annotations == nil {
		out.Metadata.Annotations = map[string]string{}
	}
	for _, a := range plan.Annotations {
		out.Metadata.Annotations[a.Key] = a.Value
	}
	return &out
}

// patchSettings applies what is no list of things with names.
func patchSettings(spec *Spec, plan *Plan) {
	for _, w := range plan.Commands {
		c := &spec.Containers[w.Container.Index]
		c.Command = slices.Concat(w.Wrapper, c.Command[w.Renew:])
	}
	for _, l := range plan.HugePages {
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
	s := &plan.Settings
	if s.ShareProcesses {
		spec.ShareProcessNamespace = new(true)
	}
	if s.FSGroup == nil && s.Sysctls == nil {
		return
	}
	security := PodSecurity{}
	if spec.SecurityContext != nil {
		security = *spec.SecurityContext
	}
	if s.FSGroup != nil {
		security.FSGroup = s.FSGroup
	}
	security.Sysctls = slices.Concat(security.Sysctls, s.Sysctls)
	spec.SecurityContext = &security
}

func copyContainers(list []Container) []Container {
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
