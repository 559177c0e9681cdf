// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"io"
	"os"
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
	server := f.session.server
	hello, want, err := f.look(ctx, server)
	if err != nil {
		return Result{}, server.explain(err)
	}
	commit := want.commit.String()
	if commit == f.Have || commit == f.Bad {
		return Result{Commit: commit}, nil
	}
	result, err := f.take(ctx, server, hello, want)
	if err != nil && ctx.Err() == nil {
		err = asFailure(err).blame(commit)
	}
	return result, err
}

// take fetches the commit and checks it out.
func (f *fetcher) take(ctx context.Context, server remote, hello *greeting, want target) (Result, error) {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return Result{}, err
	}
	defer root.Close()
	objects, err := f.download(ctx, server, root, hello, want)
	if err != nil {
		return Result{}, server.explain(err)
	}
	defer objects.close()
	f.session.Close() // what remains to be done takes a while
	return f.checkout(ctx, root, objects, want)
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

// download asks for the commit and takes in the pack.
func (f *fetcher) download(ctx context.Context, server remote, root *os.Root, hello *greeting, want target) (*pack, error) {
	answer, err := server.ask(ctx, hello.order(order{wants: want.wants, depth: f.Depth}))
	if err != nil {
		return nil, err
	}
	// What is around the pack, and between its pieces, is a hundredth of it at the most.
	in := &stream{ctx: ctx, r: answer, left: f.MaxBytes + f.MaxBytes/16 + 1<<20, what: "pack"}
	data, err := hello.answer(in)
	if err != nil {
		return nil, in.or(err)
	}
	objects, err := readPack(ctx, root, bufio.NewReaderSize(data, 64<<10), f.MaxBytes)
	return objects, in.or(err)
}

// checkout judges the commit's tree and writes it.
func (f *fetcher) checkout(ctx context.Context, root *os.Root, objects *pack, want target) (Result, error) {
	if _, ok := objects.byHash[want.commit]; !ok && want.searched {
		return Result{}, noSuchCommit(f.Ref, f.Depth)
	}
	c, err := objects.commit(want.commit)
	if err != nil {
		return Result{}, err
	}
	if c.hash.String() == f.Have { // behind a tag that the server did not peel
		return Result{Commit: f.Have}, nil
	}
	top, err := objects.subdir(c.tree, f.Subdir)
	if err != nil {
		return Result{}, err
	}
	t := &treeReader{pack: objects, maxFiles: f.MaxFiles, maxBytes: f.MaxBytes}
	tree, err := t.read(ctx, top)
	if err != nil {
		return Result{}, err
	}
	if err := checkLinks(t.links); err != nil {
		return Result{}, err
	}
	out := &checkout{pack: objects, time: c.time, buffer: bufio.NewWriterSize(io.Discard, 64<<10)}
	if err := out.writeFolder(ctx, root, "tree", tree); err != nil {
		return Result{}, malformed(err)
	}
	return Result{Commit: c.hash.String(), Changed: true, Files: t.written, Bytes: t.bytes, LFSPointers: out.lfsPointers}, nil
}

// subdir finds the tree of a folder. It does not follow links.
func (p *pack) subdir(tree plumbing.Hash, path string) (plumbing.Hash, error) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		next, err := p.lookup(tree, name)
		if err != nil {
			return next, err
		}
		if next.IsZero() {
			return next, failf(NoSuchSubdir, "the commit has no folder %s; check subdir", foreign(path))
		}
		tree = next
	}
	return tree, nil
}

// lookup finds a folder in a tree, or returns the zero hash.
func (p *pack) lookup(tree plumbing.Hash, name string) (plumbing.Hash, error) {
	i, err := p.find(tree, plumbing.TreeObject)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	content, err := p.read(i, maxTree)
	for len(content) > 0 && err == nil {
		var e *entry
		var hash plumbing.Hash
		if e, hash, content, err = parseEntry(content); err == nil && e.name == name && e.kind == folder {
			return hash, nil
		}
	}
	return plumbing.ZeroHash, err
}
