// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

func (c *compiler) volumes(d *Definition, spec *field.Path) {
	s := &d.Spec
	for i := range s.Volumes {
		v, at := &s.Volumes[i], spec.Child("volumes").Index(i)
		if len(validation.IsDNS1123Label(v.Name)) > 0 {
			c.wrong(field.Invalid(at.Child("name"), v.Name, "must be lower-case letters, digits or '-'"))
		}
		if slices.ContainsFunc(s.Volumes[:i], func(o Volume) bool { return o.Name == v.Name }) {
			c.wrong(field.Duplicate(at.Child("name"), v.Name))
		}
		if i := volumeName(s, i, d.Metadata.Name); i == helper.NoTokenVolume {
			c.wrong(field.Forbidden(at.Child("name"), "makes the name of the volume "+i+", which every helper has; choose another"))
		}
		c.length(volumeName(s, i, d.Metadata.Name), d, at.Child("name"), "the volume "+v.Name)
		sources := 0
		for _, o := range []*Object{v.Secret, v.ConfigMap} {
			if o == nil {
				continue
			}
			sources++
			c.value(&o.Name, &option.ObjectName, at.Child(map[bool]string{true: "secret", false: "configMap"}[o == v.Secret], "name"))
			for j, key := range o.Keys {
				if len(validation.IsConfigMapKey(key)) > 0 {
					c.wrong(field.Invalid(at.Child("keys").Index(j), key, "must be a key: letters, digits, '-', '_' or '.'"))
				}
			}
		}
		if v.EmptyDir != nil {
			sources++
			c.emptyDir(v.EmptyDir, at.Child("emptyDir"))
		}
		if sources != 1 {
			c.wrong(field.Invalid(at, v.Name, "must have one source: emptyDir, secret or configMap"))
		}
		if v.App != nil {
			c.value(&v.App.MountPath, &option.AbsolutePath, at.Child("app", "mountPath"))
			if v.EmptyDir == nil {
				c.wrong(field.Forbidden(at.Child("app"), "only an emptyDir is shared with the app"))
			}
		}
		if !slices.ContainsFunc(s.Container.Mounts, func(m Mount) bool { return m.Volume == v.Name }) {
			c.wrong(field.Invalid(at.Child("name"), v.Name, "is a volume that the container does not mount; mount it, or remove it"))
		}
	}
	for i := range s.Volumes {
		for j := range s.Volumes[:i] {
			a, b := s.Volumes[i].App, s.Volumes[j].App
			if a != nil && b != nil && a.MountPath == b.MountPath {
				c.wrong(field.Invalid(spec.Child("volumes").Index(i).Child("app", "mountPath"), s.Volumes[i].Name, "is where the app sees the volume "+s.Volumes[j].Name+" already"))
			}
		}
	}
}

func (c *compiler) emptyDir(e *EmptyDir, at *field.Path) {
	if e.Medium != "" && e.Medium != "Disk" && e.Medium != "Memory" {
		c.wrong(field.NotSupported(at.Child("medium"), e.Medium, []string{"Disk", "Memory"}))
	}
	if e.SizeLimit == nil {
		c.wrong(field.Required(at.Child("sizeLimit"), "every volume has a limit, such as 1Gi"))
		return
	}
	c.value(e.SizeLimit, &option.Size, at.Child("sizeLimit"))
	if e.SizeLimit.Option == "" && e.SizeLimit.Literal == "0" {
		c.wrong(field.Invalid(at.Child("sizeLimit"), "0", "must be above 0"))
	}
}

func (c *compiler) mounts(s *Spec, at *field.Path) {
	for i := range s.Container.Mounts {
		m, at := &s.Container.Mounts[i], at.Index(i)
		v := slices.IndexFunc(s.Volumes, func(v Volume) bool { return v.Name == m.Volume })
		if v < 0 {
			var names []string
			for j := range s.Volumes {
				names = append(names, s.Volumes[j].Name)
			}
			c.wrong(field.NotFound(at.Child("volume"), fmt.Sprintf("%s; the volumes are %s%s", m.Volume, option.JoinAnd(names), nearmiss.DidYouMean(nearmiss.Nearest(m.Volume, names)))))
		} else if s.Volumes[v].EmptyDir == nil && !m.ReadOnly {
			m.ReadOnly = true // as the kubelet mounts it
		}
		switch clean := path.Clean(m.Path); {
		case !strings.HasPrefix(m.Path, "/") || clean != m.Path || m.Path == "/" || strings.Contains(m.Path, ":"):
			c.wrong(field.Invalid(at.Child("path"), m.Path, "must be a clean absolute path below /"))
		case m.Path == helper.TokenDir || strings.HasPrefix(helper.TokenDir, m.Path+"/") || strings.HasPrefix(m.Path, helper.TokenDir+"/"): //nolint:gocritic // the token's directory may lie below a mount
			c.wrong(field.Forbidden(at.Child("path"), "is the place of the ServiceAccount token"))
		}
		for j := range s.Container.Mounts[:i] {
			if s.Container.Mounts[j].Path == m.Path {
				c.wrong(field.Duplicate(at.Child("path"), m.Path))
			}
		}
	}
}
