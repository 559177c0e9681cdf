// SPDX-License-Identifier: Apache-2.0

package helperimport

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

// importer makes a definition of one container.
type importer struct {
	of    *Template
	from  *corev1.Container
	to    defined.Definition
	notes []string
}

func (im *importer) note(format string, args ...any) {
	im.notes = append(im.notes, fmt.Sprintf(format, args...))
}

// Definition makes a definition of a container, and says what it could not take over and what
// is left to fill in.
func (t *Template) Definition(container string) (d *defined.Definition, notes []string, err error) {
	c, initial := t.find(container)
	if c == nil {
		return nil, nil, fmt.Errorf("there is no container %q; the containers are %s", container, strings.Join(t.Names(), ", "))
	}
	im := &importer{of: t, from: c, notes: slices.Clone(t.notes)}
	im.to = defined.Definition{APIVersion: defined.APIVersion, Kind: defined.Kind}
	s := &im.to.Spec
	s.Run, s.Description = "Sidecar", "TODO: say in a sentence what the helper does."
	if initial {
		s.Run = "Init"
	}
	s.Container.Image = c.Image
	s.Container.Command, s.Container.Args = im.literals("command", c.Command), im.literals("args", c.Args)
	im.environment()
	im.volumes()
	im.ports()
	im.probes(initial)
	im.resources()
	im.security()
	im.rest()
	im.name()
	if len(s.Options) == 0 {
		im.note("spec.options: there is none, so no pod can ask for the helper; replace a literal that pods should set by {option: NAME}, or let a policy require or inject it")
	}
	return &im.to, im.notes, nil
}

// name makes the container's name one of a helper, so short that a volume's name has room for it
// and for an instance.
func (im *importer) name() {
	most := validation.DNS1123LabelMaxLength - len("pillion-") - len("-") - helper.MaxInstance
	for i := range im.to.Spec.Volumes {
		most = min(most, validation.DNS1123LabelMaxLength-len("pillion-")-len(im.to.Spec.Volumes[i].Name)-len("--")-helper.MaxInstance)
	}
	name := im.from.Name
	if len(name) > max(most, 1) {
		name = strings.Trim(name[:max(most, 1)], "-")
		im.note("metadata.name: is shortened, so that the names of objects have room for an instance; choose a better one, or set single: true")
	}
	if len(validation.IsDNS1123Label(name)) > 0 {
		name = "helper"
	}
	im.to.Metadata.Name = name
}

func (im *importer) literals(field string, words []string) (values []defined.Value) {
	for i, word := range words {
		if strings.Contains(word, "$(") {
			im.note("container.%s[%d]: %q has a variable, which is literal in a definition; replace it by {option: NAME}, or read it in the program", field, i, word)
		}
	}
	return literals(words)
}

func literals(words []string) (values []defined.Value) {
	for _, word := range words {
		values = append(values, defined.Value{Literal: word})
	}
	return values
}

// option adds one that pods have to set.
func (im *importer) option(o defined.Option) string {
	for taken := func(name string) bool {
		return name == helper.CPU || name == helper.Memory || slices.ContainsFunc(im.to.Spec.Options, func(have defined.Option) bool { return have.Name == name })
	}; taken(o.Name); {
		o.Name += "-2"
	}
	im.to.Spec.Options = append(im.to.Spec.Options, o)
	return o.Name
}

func (im *importer) environment() {
	for _, v := range slices.Concat(im.from.Env, im.of.Env) {
		e := defined.Env{Name: v.Name}
		switch from := v.ValueFrom; {
		case from == nil:
			if strings.Contains(v.Value, "$(") {
				im.note("container.env %s: has a variable, which is literal in a definition", v.Name)
			}
			e.Value = new(defined.Scalar(v.Value))
		case from.FieldRef != nil && slices.Contains(defined.FieldRefs(), from.FieldRef.FieldPath):
			e.FieldRef = from.FieldRef.FieldPath
		case from.SecretKeyRef != nil:
			im.note("container.env %s: comes from the Secret %s, key %s; a definition mounts a Secret as files, which the program has to read", v.Name, from.SecretKeyRef.Name, from.SecretKeyRef.Key)
			continue
		case from.ConfigMapKeyRef != nil:
			im.note("container.env %s: comes from the ConfigMap %s, key %s; a definition mounts a ConfigMap as files, which the program has to read", v.Name, from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key)
			continue
		default:
			im.note("container.env %s: a definition has no variable of this source", v.Name)
			continue
		}
		im.to.Spec.Container.Env = append(im.to.Spec.Container.Env, e)
	}
	for _, v := range im.of.EnvironmentVariables {
		if v.Container != "" && v.Container != im.from.Name {
			continue
		}
		name := strings.ToLower(strings.ReplaceAll(v.Annotation[strings.LastIndexByte(v.Annotation, '/')+1:], "_", "-"))
		if len(validation.IsDNS1123Label(name)) > 0 {
			name = strings.ToLower(strings.ReplaceAll(v.Name, "_", "-"))
		}
		name = im.option(defined.Option{Name: name, Type: "string", Example: "TODO", Description: "TODO: what it is for; perhaps a narrower type. It was the annotation " + v.Annotation + "."})
		im.to.Spec.Container.Env = append(im.to.Spec.Container.Env, defined.Env{Name: v.Name, Option: name})
	}
	if len(im.from.EnvFrom) > 0 {
		im.note("container.envFrom: a definition names each variable; add those that the program needs to env")
	}
}

func (im *importer) volumes() {
	for _, m := range im.from.VolumeMounts {
		at := path.Clean(m.MountPath)
		i := slices.IndexFunc(im.of.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if at == helper.TokenDir {
			if i >= 0 && im.of.Volumes[i].EmptyDir != nil {
				continue // in place of the token, as every helper has it
			}
			im.to.Spec.Privileges = append(im.to.Spec.Privileges, helper.Token)
			im.note("privileges: the container mounts the ServiceAccount token; a policy has to allow it")
			continue
		}
		if m.SubPath+m.SubPathExpr != "" {
			im.note("container.mounts %s: a definition mounts whole volumes, without subPath; name the keys of a Secret or ConfigMap instead", m.MountPath)
		}
		switch {
		case i < 0:
			im.note("container.mounts %s: there is no volume %s in the file, so the mount is left out", m.MountPath, m.Name)
		case im.volume(&im.of.Volumes[i]):
			im.to.Spec.Container.Mounts = append(im.to.Spec.Container.Mounts, defined.Mount{Volume: m.Name, Path: at, ReadOnly: m.ReadOnly})
		default:
			im.note("volumes %s: a definition has emptyDir, secret and configMap; the volume and its mount are left out", m.Name)
		}
	}
}

// volume takes a volume over; it returns false for a kind that definitions do not have.
func (im *importer) volume(v *corev1.Volume) bool {
	if slices.ContainsFunc(im.to.Spec.Volumes, func(have defined.Volume) bool { return have.Name == v.Name }) {
		return true
	}
	out := defined.Volume{Name: v.Name}
	keys := func(items []corev1.KeyToPath) (names []string) {
		for _, item := range items {
			if names = append(names, item.Key); item.Path != item.Key {
				im.note("volumes %s: the key %s is mounted under its own name and not as %s", v.Name, item.Key, item.Path)
			}
		}
		return names
	}
	switch {
	case v.EmptyDir != nil:
		out.EmptyDir = &defined.EmptyDir{SizeLimit: &defined.Value{Literal: "1Gi"}}
		if v.EmptyDir.SizeLimit != nil {
			out.EmptyDir.SizeLimit.Literal = v.EmptyDir.SizeLimit.String()
		} else {
			im.note("volumes %s: has no sizeLimit, and a definition needs one; it is 1Gi", v.Name)
		}
		if v.EmptyDir.Medium == corev1.StorageMediumMemory {
			out.EmptyDir.Medium = "Memory"
		}
		name := im.option(defined.Option{Name: helper.MountPath, Type: "absolute path", Required: true, Example: "/data", Description: "TODO: what the app finds there."})
		out.App = &defined.App{MountPath: defined.Value{Option: name}}
		im.note("volumes %s: the app sees it where the option %s says; remove app and the option if it is the helper's alone", v.Name, name)
	case v.Secret != nil:
		out.Secret = &defined.Object{Name: defined.Value{Literal: v.Secret.SecretName}, Keys: keys(v.Secret.Items)}
	case v.ConfigMap != nil:
		out.ConfigMap = &defined.Object{Name: defined.Value{Literal: v.ConfigMap.Name}, Keys: keys(v.ConfigMap.Items)}
	default:
		return false
	}
	im.to.Spec.Volumes = append(im.to.Spec.Volumes, out)
	return true
}
