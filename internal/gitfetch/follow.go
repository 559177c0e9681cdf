// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// settleLinks sees to it that no link leads out of the tree. Of those that lead out of
// the published directory to something in the repository, the content is published in
// their place.
func (t *treeReader) settleLinks(ctx context.Context) error {
	for {
		outside, err := leadingOut(t.links)
		if err != nil || len(outside) == 0 {
			return err
		}
		followed := map[*entry]bool{}
		for _, l := range outside {
			if err := t.follow(ctx, l); err != nil {
				return err
			}
			followed[l] = true
		}
		t.links = slices.DeleteFunc(t.links, func(l *entry) bool { return followed[l] })
	}
}

// follow puts what a link leads to in its place.
func (t *treeReader) follow(ctx context.Context, l *entry) error {
	to, found, err := t.locate(l)
	if err != nil {
		return err
	}
	t.disk -= block // of the link
	if found != nil {
		if l.object, err = t.pack.find(found.hash, plumbing.BlobObject); err != nil {
			return err
		}
		l.kind, l.hash, l.target = found.kind, found.hash, ""
		size := t.pack.objects[l.object].size
		t.bytes += size
		return t.spend(l, size)
	}
	for e := l.parent; e != nil; e = e.parent {
		if from, ok := t.origins[e]; ok && to.holds(from) || to.holds(t.wayTo(l.parent)) {
			return failf(Refused, "the commit's link %s, with the target %s, leads to a directory that holds it, which has no end", foreign(l.path()), foreign(l.target))
		}
	}
	if err := t.pack.fillTree(to.tree()); err != nil {
		return err
	}
	if l.object, err = t.pack.find(to.tree(), plumbing.TreeObject); err != nil {
		return err
	}
	l.kind, l.hash, l.target, l.boundary = directory, to.tree(), "", true
	t.origins[l] = to
	t.written--
	if err := t.spend(l, 0); err != nil {
		return err
	}
	return t.readDirectory(ctx, l, len(l.path())+1)
}

// wayTo is where in the repository a directory of the tree comes from.
func (t *treeReader) wayTo(e *entry) way {
	if from, ok := t.origins[e]; ok {
		return from
	}
	return t.wayTo(e.parent).down(e.name, e.hash)
}

// locate finds what a link leads to in the repository: a file, or else a directory.
func (t *treeReader) locate(l *entry) (way, *entry, error) {
	at, todo, hops := t.wayTo(l.parent), []string{}, 0
	enter := func(target string) error {
		if hops++; strings.HasPrefix(target, "/") {
			return leadsOut(l, "out of the repository")
		} else if hops > maxHops {
			return leadsOut(l, "to nothing, over more links than a system follows")
		}
		todo = append(strings.Split(target, "/"), todo...)
		return nil
	}
	if err := enter(l.target); err != nil {
		return nil, nil, err
	}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			if len(at) == 1 {
				return nil, nil, leadsOut(l, "out of the repository")
			}
			at = at[:len(at)-1]
			continue
		}
		e, err := t.pack.lookup(at.tree(), name, t.keep)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case e == nil || e.kind == submodule:
			return nil, nil, leadsOut(l, "out of the published directory, and to nothing in the repository")
		case e.kind == directory:
			at = at.down(name, e.hash)
		case e.kind == link:
			var target string
			if target, err = t.readLink(e.hash); err == nil {
				err = enter(target)
			}
			if err != nil {
				return nil, nil, err
			}
		case len(todo) > 0:
			return nil, nil, leadsOut(l, "out of the published directory, and to nothing in the repository")
		default:
			return at, e, nil
		}
	}
	return at, nil, nil
}

func (t *treeReader) readLink(hash plumbing.Hash) (string, error) {
	i, err := t.pack.find(hash, plumbing.BlobObject)
	if err != nil {
		return "", err
	}
	t.keep[i] = true
	target, err := t.pack.read(i, maxTarget)
	return string(target), err
}
