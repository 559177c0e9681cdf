// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// kinds are the types that need no more than their name.
var kinds = map[string]option.Kind{
	"url": option.URL(), "port": option.Port, "boolean": option.Boolean, "integer": option.Integer, "duration": option.Duration, "size": option.Size,
	"absolute path": option.AbsolutePath, "relative path": option.RelativePath, "file name": option.FileName, "object name": option.ObjectName,
	"container names": option.Containers, "time zone": option.TimeZone, "git ref": option.GitRef, "repository URL": option.Repository,
}

// Types are the types that an option can have.
func Types() []string { return slices.Clone(types) }

var types = []string{
	"string", "url", "port", "list", "boolean", "choice", "integer", "duration", "size", "absolute path", "relative path", "file name",
	"object name", "container names", "time zone", "git ref", "repository URL",
}

// options makes the declared options of the spec.
func (c *compiler) declared(specs []Option, at *field.Path) (all []option.Option) {
	const most = 32
	if len(specs) > most {
		c.wrong(field.TooMany(at, len(specs), most))
		return nil
	}
	for i := range specs {
		s, at := &specs[i], at.Index(i)
		switch {
		case len(validation.IsDNS1123Label(s.Name)) > 0:
			c.wrong(field.Invalid(at.Child("name"), s.Name, "must be at most 63 lower-case letters, digits or '-'"))
		case slices.ContainsFunc(all, func(o option.Option) bool { return o.Name == s.Name }):
			c.wrong(field.Duplicate(at.Child("name"), s.Name))
		case s.Name == helper.CPU || s.Name == helper.Memory:
			c.wrong(field.Forbidden(at.Child("name"), "is the name of an option that every helper has where a policy allows it; choose another"))
		case (s.Name == helper.Containers) != (s.Type == option.Containers.Name):
			c.wrong(field.Invalid(at.Child("name"), s.Name, "the option of type container names is called containers, and no other is"))
		}
		s.Description = oneLine(s.Description)
		if s.Description == "" {
			c.wrong(field.Required(at.Child("description"), "say in a sentence what the option is for"))
		}
		all = append(all, c.declaration(s, at))
	}
	return all
}

func (c *compiler) declaration(s *Option, at *field.Path) option.Option {
	o := option.Option{Name: s.Name, Required: s.Required, Doc: s.Description, Example: string(s.Example)}
	kind, ok := c.kind(s, s.Type, at.Child("type"))
	if !ok {
		return o
	}
	o.Kind = kind
	if s.Type == "list" {
		element := &option.Option{Name: s.Name}
		if element.Kind, ok = c.kind(s, s.Of, at.Child("of")); !ok || s.Of == "list" || s.Of == option.Containers.Name {
			if ok {
				c.wrong(field.Invalid(at.Child("of"), s.Of, "a list has elements of a scalar type"))
			}
			return o
		}
		element.Min, element.Max = c.bounds(s, element, at)
		o.Kind = option.List(element, int(s.MaxItems))
	} else {
		if s.Of != "" || s.MaxItems != 0 {
			c.wrong(field.Forbidden(at.Child("of"), "of and maxItems are for the type list"))
		}
		o.Min, o.Max = c.bounds(s, &o, at)
	}
	if (s.Pattern != "" || s.MaxLength != 0) && s.Type != "string" && s.Of != "string" {
		c.wrong(field.Forbidden(at.Child("pattern"), "pattern and maxLength are for the type string"))
	}
	if len(s.Choices) > 0 && s.Type != "choice" && s.Of != "choice" {
		c.wrong(field.Forbidden(at.Child("choices"), "choices are for the type choice"))
	}
	if v, err := o.Parse(string(s.Example)); err != nil {
		c.wrong(field.Invalid(at.Child("example"), string(s.Example), err.Error()))
	} else {
		o.Example = v.Text
	}
	if s.Default != nil {
		if v, err := o.Parse(string(*s.Default)); err != nil {
			c.wrong(field.Invalid(at.Child("default"), string(*s.Default), err.Error()))
		} else {
			o.Default = v.Text
		}
		if s.Required {
			c.wrong(field.Forbidden(at.Child("default"), "a required option has no default; remove one of the two"))
		}
	}
	return o
}

func (c *compiler) kind(s *Option, name string, at *field.Path) (option.Kind, bool) {
	switch name {
	case "string":
		pattern, err := regexp.Compile(s.Pattern)
		if err != nil {
			c.wrong(field.Invalid(at, s.Pattern, "must be a regular expression of RE2: "+err.Error()))
			return option.Kind{}, false
		}
		if s.Pattern == "" {
			pattern = nil
		}
		return option.String(pattern, int(s.MaxLength)), true
	case "choice":
		var words []string
		for _, w := range s.Choices {
			if option.PlainText(string(w)) != nil || slices.Contains(words, string(w)) {
				c.wrong(field.Invalid(at, string(w), "is not a choice: choices are different printable words"))
				return option.Kind{}, false
			}
			words = append(words, string(w))
		}
		if len(words) < 2 {
			c.wrong(field.Required(at, "a choice has at least two choices"))
			return option.Kind{}, false
		}
		return option.Choice(words...), true
	case "list":
		return option.Kind{Name: "list"}, true
	}
	kind, known := kinds[name]
	if !known {
		c.wrong(field.NotFound(at, fmt.Sprintf("%s; the types are %s%s", name, strings.Join(types, ", "), nearmiss.DidYouMean(nearmiss.Nearest(name, types)))))
	}
	return kind, known
}

// bounds are min and max in their canonical form.
func (c *compiler) bounds(s *Option, o *option.Option, at *field.Path) (lo, hi string) {
	var numbers [2]int64
	var texts [2]string
	for i, bound := range []*Scalar{s.Min, s.Max} {
		name := []string{"min", "max"}[i]
		if bound == nil {
			continue
		}
		if !o.Kind.Ordered {
			c.wrong(field.Forbidden(at.Child(name), "is for numbers, durations, sizes and ports, and "+o.Kind.Name+" is none of these"))
			continue
		}
		v, err := o.Kind.Read(string(*bound))
		if err != nil {
			c.wrong(field.Invalid(at.Child(name), string(*bound), err.Error()))
		}
		numbers[i], texts[i] = v.Number, v.Text
	}
	if texts[0] != "" && texts[1] != "" && numbers[0] > numbers[1] {
		c.wrong(field.Invalid(at.Child("min"), texts[0], "is above max, "+texts[1]))
	}
	return texts[0], texts[1]
}
