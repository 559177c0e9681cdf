// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Fetch polls once, over a connection of its own: see [Session.Fetch].
func Fetch(ctx context.Context, r Request) (Result, error) {
	r.Keep = false
	return new(Session).Fetch(ctx, r)
}

// fetcher is one poll.
type fetcher struct {
	Request
	endpoint endpoint
	timeouts timeouts
	session  *Session
	built    bool // upon what is published
	narrow   bool // the folder that is published, and no other
}

func (f *fetcher) run(ctx context.Context) (Result, error) {
	if err := f.check(f.endpoint); err != nil {
		return Result{}, err
	}
	if hash40.MatchString(f.Ref) && f.Ref == f.Have {
		return Result{Commit: f.Have}, nil // a hash means the same for ever
	}
	if err := f.connect(); err != nil {
		return Result{}, err
	}
	return f.poll(ctx)
}

// look finds what the wanted ref means to the server.
func (f *fetcher) look(ctx context.Context, server remote) (*greeting, target, error) {
	l := newListing(f.Ref)
	hello := f.session.greeting
	if hello == nil {
		text, err := server.greet(ctx)
		if err != nil {
			return nil, target{}, err
		}
		in := &stream{ctx: ctx, r: text, left: maxRefs, what: "list of refs"}
		if hello, err = readGreeting(&packets{r: bufio.NewReaderSize(in, 64<<10)}, l); err != nil {
			return nil, target{}, in.or(err)
		}
	}
	if hello.v2 && server.forgetful() {
		f.session.greeting = hello
	}
	if hello.v2 && l.candidates != nil {
		text, err := server.ask(ctx, hello.listRefs(l))
		if err != nil {
			return nil, target{}, err
		}
		in := &stream{ctx: ctx, r: text, left: maxRefs, what: "list of refs"}
		if err := l.readList(&packets{r: bufio.NewReaderSize(in, 64<<10)}); err != nil {
			return nil, target{}, in.or(err)
		}
	}
	want, err := l.resolve(hello, f.Depth)
	return hello, want, err
}

// subdir finds the tree of a folder, and notes those on the way. It does not follow links.
func (s *store) subdir(tree plumbing.Hash, path string, way map[int32]bool) (plumbing.Hash, error) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		next, err := s.lookup(tree, name)
		if err != nil {
			return next, err
		}
		if next.IsZero() {
			return next, failf(NoSuchSubdir, "the commit has no folder %s; check subdir", foreign(path))
		}
		way[s.byHash[tree]] = true
		tree = next
	}
	return tree, nil
}

// lookup finds a folder in a tree, or returns the zero hash.
func (s *store) lookup(tree plumbing.Hash, name string) (plumbing.Hash, error) {
	i, err := s.find(tree, plumbing.TreeObject)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	content, err := s.read(i, maxTree)
	for len(content) > 0 && err == nil {
		var e *entry
		var hash plumbing.Hash
		if e, hash, content, err = parseEntry(content); err == nil && e.name == name && e.kind == folder {
			return hash, nil
		}
	}
	return plumbing.ZeroHash, err
}
