// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// misfits are reasons of an error after which all of a commit is fetched, if it was to
// be built upon what is published: the server left out what we do not have, or does not
// get along with being told what we have, or somebody has changed what is published.
var misfits = []Reason{BadServer, Local}

// poll asks the server, and takes what is new. If that does not fit, it does so again, with less
// that could be the reason.
func (f *fetcher) poll(ctx context.Context) (Result, error) {
	misfit := ""
	for {
		result, err := f.attempt(ctx)
		if err == nil {
			result.Misfit = misfit
			return result, nil
		}
		if ctx.Err() != nil || !slices.Contains(misfits, asFailure(err).reason) || !f.lessWays() {
			return result, err
		}
		misfit = asFailure(err).sentence(f.session.secrets.redact)
		if err := f.cleanDir(); err != nil {
			return Result{}, err
		}
		if err := f.connect(ctx); err != nil {
			return Result{}, err
		}
	}
}

// lessWays gives up one way to fetch less than all, if the last attempt used any.
func (f *fetcher) lessWays() bool {
	switch {
	case f.built:
		f.Kept, f.built = "", false
	case f.narrow:
		f.Whole, f.narrow = true, false
	default:
		return false
	}
	return true
}

func (f *fetcher) cleanDir() error {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{"tree", keptName} {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetcher) attempt(ctx context.Context) (Result, error) {
	server := f.session.server
	hello, want, err := f.resolveRef(ctx, server)
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
	objects := f.newStore(ctx, root, hello, want)
	defer func() { objects.close() }()
	if err := f.gather(ctx, server, hello, want, objects); err != nil {
		return Result{}, server.explain(err)
	}
	result, err := f.checkout(ctx, root, objects, want)
	result.Received += objects.received // to what submodules took
	return result, err
}

// newStore is where the pack goes. If it holds what is published already, the server
// is told so. It has to know what a shallow clone is: we have one commit, and not those
// before it.
func (f *fetcher) newStore(ctx context.Context, root *os.Root, hello *greeting, want target) *store {
	f.built = false
	if f.Kept != "" && f.Have != "" && !want.searched && hello.fetches("shallow") {
		objects := newStore(root, f.MaxBytes)
		if f.built = objects.addKept(ctx, f.Kept, f.Published, plumbing.NewHash(f.Have)); f.built {
			return objects
		}
		objects.close()
	}
	return newStore(root, f.MaxBytes)
}

// gather fetches what of the commit is not there.
func (f *fetcher) gather(ctx context.Context, server remote, hello *greeting, want target, objects *store) error {
	o := order{wants: want.wants, depth: 1}
	if want.searched {
		o.depth = f.Depth
	}
	if hello.v2 { // in which any object can be asked for
		objects.fill = f.filler(ctx, server, hello, objects)
	}
	f.narrow = hello.v2 && hello.fetches("filter") && f.Subdir != "" && !f.Whole
	if !f.narrow {
		if f.built {
			o.have = plumbing.NewHash(f.Have)
		}
		return f.download(ctx, server, hello, o, objects)
	}
	// The commit alone, then one directory after the other on the way to the one that is
	// published, and that one with all that is in it.
	o.filter = noTrees
	if err := f.download(ctx, server, hello, o, objects); err != nil {
		return err
	}
	c, err := objects.commit(want.commit)
	if err != nil {
		return err
	}
	top, err := objects.subdir(c.tree, f.Subdir, map[int32]bool{})
	if err != nil {
		return err
	}
	return objects.fillTree(top.tree())
}

// noTrees is the filter that leaves out all but what is asked for by its hash
// (git-rev-list(1), --filter).
const noTrees = "tree:0"

// maxFills is how many objects are asked for one by one.
const maxFills = 100

// filler fetches objects that turn out to be missing: those that the server left out
// because they were elsewhere in the commit that we have a directory of. A tree comes
// alone, or whole, with all that is in it.
func (f *fetcher) filler(ctx context.Context, server remote, hello *greeting, objects *store) func(plumbing.Hash, bool) error {
	fills := 0
	return func(hash plumbing.Hash, whole bool) error {
		if fills++; fills > maxFills {
			return nil // and it is missing
		}
		o := order{wants: []plumbing.Hash{hash}}
		switch {
		case whole && f.built:
			o.have = plumbing.NewHash(f.Have)
		case !whole && hello.fetches("filter"):
			o.filter = noTrees
		}
		return f.download(ctx, server, hello, o, objects)
	}
}

// download asks for objects and takes in the pack.
func (f *fetcher) download(ctx context.Context, server remote, hello *greeting, o order, to *store) error {
	answer, err := server.ask(ctx, hello.order(o))
	if err != nil {
		return err
	}
	// What is around the pack, and between its pieces, is a hundredth of it at most.
	in := &stream{ctx: ctx, r: answer, left: f.MaxBytes + f.MaxBytes/16 + 1<<20, what: "pack"}
	data, err := hello.answer(in)
	if err != nil {
		return in.or(err)
	}
	err = to.add(ctx, bufio.NewReaderSize(data, 64<<10))
	if err == nil && hello.v2 { // another answer may follow this one's end
		_, _ = io.Copy(io.Discard, data)
	}
	return in.or(err)
}

// checkout judges the commit's tree and writes it, and what is kept of it.
func (f *fetcher) checkout(ctx context.Context, root *os.Root, objects *store, want target) (Result, error) {
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
	t := &treeReader{pack: objects, maxFiles: f.MaxFiles, maxBytes: f.MaxBytes, keep: map[int32]bool{objects.byHash[c.hash]: true}}
	from, err := objects.subdir(c.tree, f.Subdir, t.keep)
	if err != nil {
		return Result{}, err
	}
	tree, err := t.read(ctx, from)
	if err != nil {
		return Result{}, err
	}
	if len(from) > 1 {
		err = t.settleLinks(ctx)
	} else {
		err = checkLinks(t.links)
	}
	if err != nil {
		return Result{}, err
	}
	modules, err := f.locateModules(t, c.tree)
	if err != nil {
		return Result{}, err
	}
	f.session.Close() // what remains to be done takes a while
	out := &checkout{pack: objects, time: c.time, buffer: bufio.NewWriterSize(io.Discard, 64<<10)}
	if err := out.writeDirectory(ctx, root, "tree", tree); err != nil {
		return Result{}, malformed(err)
	}
	if err := objects.keep(root, t.keep, tree); err != nil {
		return Result{}, malformed(err)
	}
	result := Result{Commit: c.hash.String(), Changed: true, Files: t.written, Bytes: t.bytes, LFSPointers: out.lfsPointers, Submodules: len(t.modules)}
	objects.close() // the volume has room for one pack
	err = f.fetchModules(ctx, root, modules, t, &result)
	f.session.disk, f.session.entries = t.disk, t.files
	return result, err
}
