// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// MaxFile bounds the size of a definition in bytes.
const MaxFile = 256 << 10

// Parse reads a definition and makes the helper. The error holds every mistake of the file,
// each with its line.
func Parse(data []byte) (*helper.Helper, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("is %d bytes long; the limit of a helper is %d", len(data), MaxFile)
	}
	document, err := yamlstrict.Document(data, "put each helper into a file of its own")
	if err != nil {
		return nil, err
	}
	return ParseDocument(document, data)
}

// ParseDocument reads a definition that is a document, which may be a part of a file and has the
// lines of that. data is the definition as a file of its own; the digest is taken of it.
func ParseDocument(document *yamlv3.Node, data []byte) (*helper.Helper, error) {
	var d Definition
	lines, errs := yamlstrict.Decode(document, &d)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	h, wrong := compile(&d)
	for _, one := range wrong {
		errs = append(errs, lines.Wrap(one))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sum := sha256.Sum256(data)
	h.Digest = hex.EncodeToString(sum[:])
	return h, nil
}

func compile(d *Definition) (*helper.Helper, field.ErrorList) {
	c := compiler{used: map[string]bool{}}
	if d.APIVersion != APIVersion {
		c.wrong(field.NotSupported(field.NewPath("apiVersion"), d.APIVersion, []string{APIVersion}))
	}
	if d.Kind != Kind {
		c.wrong(field.NotSupported(field.NewPath("kind"), d.Kind, []string{Kind}))
	}
	s, at := &d.Spec, field.NewPath("spec")
	c.name(d, field.NewPath("metadata", "name"))
	s.Description = oneLine(s.Description)
	if s.Description == "" {
		c.wrong(field.Required(at.Child("description"), "say in a sentence what the helper does"))
	}
	if s.Run != "Sidecar" && s.Run != "Init" {
		c.wrong(field.NotSupported(at.Child("run"), s.Run, []string{"Sidecar", "Init"}))
	}
	c.declare = c.declared(s.Options, at.Child("options"))
	c.volumes(d, at)
	c.container(s, at.Child("container"))
	c.appEnv(s, at.Child("appEnv"))
	c.order(s, at)
	c.privileges(s, at.Child("privileges"))
	for i := range c.declare {
		if o := &c.declare[i]; !c.used[o.Name] && (o.Name != helper.Containers || !reachesApp(s)) {
			c.wrong(field.Invalid(at.Child("options").Index(i).Child("name"), o.Name, "is an option that nothing uses; use it, or remove it"))
		}
	}
	h := &helper.Helper{
		Name: d.Metadata.Name, Doc: s.Description, Options: c.declare, Single: s.Single, Image: s.Container.Image, User: s.Container.RunAsUser,
		Resources: c.resources(&s.Container.Resources, at.Child("container", "resources")), Privileges: s.Privileges,
	}
	b := &builder{name: d.Metadata.Name, spec: s}
	h.Build, h.Up, h.Check = b.build, b.up, b.check
	return h, c.errs
}

func (c *compiler) name(d *Definition, at *field.Path) {
	name := d.Metadata.Name
	if name == "" || len(validation.IsDNS1123Label(name)) > 0 {
		c.wrong(field.Invalid(at, name, "must be at most 63 lower-case letters, digits or '-'"))
		return
	}
	if containerName(name) == helper.NoTokenVolume {
		c.wrong(field.Forbidden(at, "is the name of a volume that every helper has; choose another"))
	}
	c.length(containerName(name), d, at, "the container")
}

func (c *compiler) privileges(s *Spec, at *field.Path) {
	all := helper.Privileges()
	for i, name := range s.Privileges {
		switch {
		case name == "host-port" || name == "host-network" || name == "host-pid" || name == "privileged":
			c.wrong(field.Forbidden(at.Index(i), name+" is forbidden by Pod Security's baseline, which every helper must meet"))
		case slices.Contains(s.Privileges[:i], name):
			c.wrong(field.Duplicate(at.Index(i), name))
		case !slices.Contains(all, name):
			c.wrong(field.Invalid(at.Index(i), name, "is not a privilege within Pod Security's baseline; the privileges are "+option.JoinAnd(all)+nearmiss.DidYouMean(nearmiss.Nearest(name, all))))
		}
	}
	if slices.Contains(s.Privileges, helper.Root) && s.Container.RunAsUser != 0 {
		c.wrong(field.Forbidden(field.NewPath("spec", "container", "runAsUser"), "with the privilege root the helper runs as user 0; remove one of the two"))
	}
}
