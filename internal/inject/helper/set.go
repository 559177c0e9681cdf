// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"cmp"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// Set is a set of helpers, each of which has a name of its own. A nil Set is empty.
type Set struct {
	list   []*Helper
	byName map[string]*Helper
}

// NewSet makes a set.
func NewSet(helpers ...*Helper) *Set {
	for _, h := range helpers {
		for i := range h.Options {
			h.Options[i].Ready()
		}
	}
	return newSet(slices.Clone(helpers))
}

func newSet(helpers []*Helper) *Set {
	s := &Set{helpers, make(map[string]*Helper, len(helpers))}
	for _, h := range helpers {
		s.byName[h.Name] = h
	}
	slices.SortFunc(s.list, func(a, b *Helper) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// With is the set with a helper in place of the one of its name.
func (s *Set) With(h *Helper) *Set {
	if s.Find(h.Name) == h {
		return s
	}
	return newSet(append(slices.DeleteFunc(slices.Clone(s.All()), func(have *Helper) bool { return have.Name == h.Name }), h))
}

// All are the helpers in the order of their names.
func (s *Set) All() []*Helper {
	if s == nil {
		return nil
	}
	return s.list
}

// Find finds a helper by its name; nil if there is none.
func (s *Set) Find(name string) *Helper {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

// Names are the names of all helpers.
func (s *Set) Names() []string {
	var names []string
	for _, h := range s.All() {
		names = append(names, h.Name)
	}
	return names
}

// String lists the names for a sentence: "date-writer and git-poller".
func (s *Set) String() string { return option.JoinAnd(s.Names()) }
