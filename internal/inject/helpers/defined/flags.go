// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// check denies a value that a program would take for a flag: what a pod may choose is the
// value of an argument, and never another argument.
func (b *builder) check(r *helper.Request) (problems []reason.Problem) {
	for i := range r.Helper.Options {
		o := &r.Helper.Options[i]
		if !r.Given(o.Name) || !r.Has(o.Name) || meantAsFlag(o) || !slices.ContainsFunc(b.commands(), func(words []Value) bool { return standsAlone(words, o.Name) }) {
			continue
		}
		v := r.Value(o.Name)
		elements := v.List
		if elements == nil {
			elements = []string{v.Text}
		}
		if slices.ContainsFunc(elements, func(text string) bool { return strings.HasPrefix(text, "-") }) {
			problems = append(problems, reason.Invalid(reason.InvalidValue, r.Path(o.Name), o.Kind.Shown(v.Text),
				"begins with '-', which the program of %s would take for a flag; use a value that begins with another character", r.Helper.Name))
		}
	}
	return problems
}

// meantAsFlag reports whether a definition says that the value may begin with '-': by its
// example, by its choices, or since it is a number.
func meantAsFlag(o *option.Option) bool {
	return strings.HasPrefix(o.Example, "-") || len(o.Kind.Choices) > 0 || strings.HasSuffix(o.Kind.Name, option.Integer.Name)
}

// standsAlone reports whether the value of an option is a word of a command line by itself,
// where a program still looks for flags.
func standsAlone(words []Value, name string) bool {
	for i := range words {
		switch {
		case words[i].Option == "" && words[i].Literal == "--":
			return false
		case words[i].Option == name && words[i].Prefix == "":
			return true
		}
	}
	return false
}

// commands are the command lines of the container.
func (b *builder) commands() [][]Value {
	k := &b.spec.Container
	all := [][]Value{slices.Concat(k.Command, k.Args)}
	for _, p := range []*Probe{k.StartupProbe, k.ReadinessProbe, k.LivenessProbe} {
		if p != nil && p.Exec != nil {
			all = append(all, p.Exec.Command)
		}
	}
	if p := k.PreStop; p != nil && p.Exec != nil {
		all = append(all, p.Exec.Command)
	}
	return all
}
