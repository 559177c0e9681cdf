// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"strings"
)

// checkLinks refuses a link that leads out of the tree: a process that serves the content,
// often as another user than the one who wrote it, would serve what is there.
func checkLinks(links []*entry) error {
	outside, err := leadingOut(links)
	if err == nil && len(outside) > 0 {
		err = leadsOut(outside[0], "out of the published directory")
	}
	return err
}

// leadingOut finds the links that lead out of the tree.
func leadingOut(links []*entry) (outside []*entry, err error) {
	r := resolver{done: map[*entry]place{}}
	for _, l := range links {
		switch at := r.resolve(l, 1); {
		case at.outside:
			outside = append(outside, l)
		case at.hops > maxHops:
			return nil, failf(Refused, "the commit's link %s leads to a link, and that to another, more than %d times, which no system follows", foreign(l.path()), maxHops)
		}
	}
	return outside, nil
}

// maxHops is how many links Linux follows in one lookup (path_resolution(7)).
const maxHops = 40

// place is where a path leads.
type place struct {
	// entry is the last one of the path that exists, and below how many names follow
	// that do not: nothing leads there now, but something might be put there.
	entry *entry
	below int
	// outside is beyond the root. nowhere is within a loop of links, which no lookup
	// gets out of.
	outside, nowhere bool
	// hops is the length of the longest chain of links on the way.
	hops int
}

// resolver follows links, each once.
type resolver struct {
	done map[*entry]place
}

// resolve says where a link leads that is the nth of a chain. A link does not depend
// on the path by which it is reached, so the answer serves for all who come through it.
func (r *resolver) resolve(l *entry, nth int) place {
	if at, ok := r.done[l]; ok {
		return at
	}
	if nth > maxHops {
		return place{nowhere: true, hops: nth}
	}
	r.done[l] = place{nowhere: true} // until the answer is known: met again, it is a loop
	at := r.walk(l, nth)
	at.hops++
	r.done[l] = at
	return at
}

func (r *resolver) walk(l *entry, nth int) place {
	if strings.HasPrefix(l.target, "/") {
		return place{outside: true}
	}
	at := place{entry: l.parent}
	for name := range strings.SplitSeq(l.target, "/") {
		hops := at.hops
		at = r.step(at, name, nth)
		at.hops = max(at.hops, hops)
		if at.outside || at.nowhere {
			break
		}
	}
	return at
}

// step goes one name further.
func (r *resolver) step(at place, name string, nth int) place {
	switch {
	case name == "" || name == ".":
		return at
	case name == ".." && at.below > 0 && at.entry.kind == submodule: // a link in there may have led elsewhere
		return place{outside: true}
	case name == ".." && at.below > 0:
		at.below--
		return at
	case name == "..":
		if at.entry.parent == nil || at.entry.boundary {
			return place{outside: true}
		}
		return place{entry: at.entry.parent}
	}
	next := at.entry.child(name)
	switch {
	case at.below > 0 || next == nil:
		at.below++
		return at
	case next.kind == link:
		return r.resolve(next, nth+1)
	}
	return place{entry: next}
}

func leadsOut(l *entry, where string) error {
	return failf(Refused, "the commit's link %s, with the target %s, leads "+where, foreign(l.path()), foreign(l.target))
}
