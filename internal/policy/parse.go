// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// Builtin is the policy in force when no file is given.
func Builtin() *inject.Policy {
	p, err := Defaults{}.Builtin()
	if err != nil {
		panic(fmt.Sprintf("the built-in policy: %v", err)) // a test compiles it
	}
	return p
}

// Builtin is [Builtin] with these defaults. The error is about them.
func (d Defaults) Builtin() (*inject.Policy, error) {
	p, errs := d.compile(builtin(helpers.Builtin()), helpers.Builtin())
	return p, errs.ToAggregate()
}

// ParseWith reads a policy of helpers that are known.
func ParseWith(data []byte, known *helper.Set) (*inject.Policy, error) {
	return (&File{Data: data}).Parse(known)
}

// Parse reads a policy of the built-in helpers from YAML or JSON.
func Parse(data []byte) (*inject.Policy, error) { return ParseWith(data, helpers.Builtin()) }

func (d Defaults) parse(document *yamlv3.Node, known *helper.Set) (*inject.Policy, error) {
	fillHelpers(document)
	var p InjectionPolicy
	lines, errs := yamlstrict.Decode(document, &p)
	if kind := member(document.Content[0], "kind"); len(errs) > 0 && kind != nil && kind.ShortTag() == "!!str" && kind.Value != Kind {
		// Something else has other fields; they are not what is wrong.
		return nil, lines.Wrap(field.NotSupported(field.NewPath("kind"), kind.Value, []string{Kind}))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	out, wrong := d.compile(&p, known)
	for _, one := range wrong {
		errs = append(errs, lines.Wrap(one))
	}
	return out, errors.Join(errs...)
}

// compile fills in defaults, validates and compiles.
func (d Defaults) compile(p *InjectionPolicy, known *helper.Set) (*inject.Policy, field.ErrorList) {
	withDefaults(p, known, d)
	out, errs := validate(p, known)
	if len(errs) > 0 {
		return nil, errs
	}
	canonical, err := json.Marshal(p)
	if err != nil {
		return nil, field.ErrorList{field.InternalError(nil, fmt.Errorf("writing the canonical form: %w", err))}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Helpers)) {
		canonical = append(canonical, known.Find(name).Digest...)
	}
	sum := sha256.Sum256(canonical)
	out.Hash = "sha256:" + hex.EncodeToString(sum[:6])
	return out, nil
}

// maxFile bounds the size of a policy file in bytes; a ConfigMap holds no more.
const maxFile = 1 << 20
