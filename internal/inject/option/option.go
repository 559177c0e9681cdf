// SPDX-License-Identifier: Apache-2.0

package option

import "fmt"

// Option declares one thing that a user can set on a helper. This one declaration
// drives parsing, the error messages, the policy's rules and the generated reference.
type Option struct {
	Name     string // the part of the annotation key after the slash
	Kind     Kind
	Required bool   // without a value, from the pod or the policy, the pod is denied
	Default  string // used when neither the pod nor the policy says anything; empty means unset
	Min, Max string // hard bounds of an ordered kind, inclusive; a policy can only be narrower
	// Listed says that no value is right unless a policy's allow list has it.
	Listed bool
	// Idle are the cases in which the option has no effect. A pod that sets it all the same
	// gets a warning.
	Idle []Idle
	// SharedMemory says that the value is an amount of memory that the pod gets, which a policy
	// limits for all helpers together.
	SharedMemory bool
	// WithGitSync says for the reference what is different with the engine git-sync.
	WithGitSync string
	Example     string // a value that is right, shown in errors and in the reference
	Doc         string // one or two sentences for the reference
	// Aliases are the names that other tools have for the option. They are no names of ours; an
	// error about one of them leads here.
	Aliases []string

	ready *Value // Default, parsed
}

// Ready parses the default, which most reviews need, once. It is not safe beside readers.
func (o *Option) Ready() {
	if v, err := o.Parse(o.Default); o.Default != "" && err == nil {
		o.ready = &v
	}
}

// DefaultValue is Default as a value.
func (o *Option) DefaultValue() (Value, error) {
	if o.ready != nil {
		return *o.ready, nil
	}
	return o.Parse(o.Default)
}

// Idle is a case in which an option has no effect: another option of the same helper has a
// value, or has none.
type Idle struct {
	Option string
	Value  string // "" for none
}

// Parse turns the text of an annotation or of a policy into a typed value.
// The error completes the sentence "the value …" and says what would be right.
func (o *Option) Parse(text string) (Value, error) {
	v, err := o.Kind.Read(text)
	if err != nil {
		return Value{}, err
	}
	if o.Min == "" && o.Max == "" {
		return v, nil
	}
	if lo, hi := o.bound(o.Min), o.bound(o.Max); (o.Min != "" && v.Number < lo) || (o.Max != "" && v.Number > hi) {
		switch {
		case o.Max == "":
			return Value{}, fmt.Errorf("must be at least %s", o.Min)
		case o.Min == "":
			return Value{}, fmt.Errorf("must be at most %s", o.Max)
		}
		return Value{}, fmt.Errorf("must be between %s and %s", o.Min, o.Max)
	}
	return v, nil
}

// bound reads a declared bound. A test parses each one of a built-in helper, and those of
// defined ones are parsed when they are loaded, so an unreadable bound cannot reach a user.
func (o *Option) bound(text string) int64 {
	v, _ := o.Kind.Read(text)
	return v.Number
}
