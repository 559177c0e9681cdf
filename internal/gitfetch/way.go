// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// way is how to a directory of the repository: the directories from its root on, which has no
// name.
type way []step

type step struct {
	name string
	tree plumbing.Hash
}

func (w way) tree() plumbing.Hash { return w[len(w)-1].tree }

func (w way) path() string {
	var names []string
	for _, s := range w[1:] {
		names = append(names, s.name)
	}
	return strings.Join(names, "/")
}

// down is the way to a directory in the last one.
func (w way) down(name string, tree plumbing.Hash) way {
	return append(slices.Clone(w), step{name, tree})
}

// holds reports whether a directory is another, or has it somewhere below.
func (w way) holds(other way) bool {
	return len(w) <= len(other) && slices.EqualFunc(w, other[:len(w)], func(a, b step) bool { return a.name == b.name })
}
