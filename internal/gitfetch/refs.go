// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// maxBranches is how many branches are looked through for a commit that no ref points
// to and that the server gives to nobody who asks for it by name.
const maxBranches = 1000

// ref is one line of a server's list, and the commit behind it if it is an annotated tag.
type ref struct {
	hash   plumbing.Hash
	peeled plumbing.Hash // zero if the ref is no annotated tag, or the server does not say
}

func (r *ref) commit() plumbing.Hash {
	if r.peeled.IsZero() {
		return r.hash
	}
	return r.peeled
}

// listing is what matters of a server's refs to one wanted ref. A server may list
// hundreds of thousands; only those that the wanted one could mean are kept.
type listing struct {
	want         string
	candidates   []string // full names that want could mean, the best first
	capabilities map[string]string

	any      bool
	named    map[string]*ref // of the candidates
	pointed  *ref            // if want is a hash: a ref that points to it
	branches map[plumbing.Hash]bool

	last     *ref // the line before, for the ^{} that may follow
	lastHash plumbing.Hash
}

func newListing(want string) *listing {
	l := &listing{want: want, named: map[string]*ref{}, branches: map[plumbing.Hash]bool{}, capabilities: map[string]string{}}
	switch {
	case want == "HEAD" || strings.HasPrefix(want, "refs/"):
		l.candidates = []string{want}
	case !hash40.MatchString(want):
		l.candidates = []string{"refs/heads/" + want, "refs/tags/" + want} // as git clone --branch
	}
	return l
}

// read takes in the list of refs (gitprotocol-pack(5), gitprotocol-http(5)).
func (l *listing) read(r io.Reader) error {
	lines := pktline.NewScanner(r)
	for n := 0; lines.Scan(); n++ {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\n"))
		switch {
		case n == 0 && bytes.HasPrefix(line, []byte("# service=")):
			if !lines.Scan() || len(lines.Bytes()) != 0 {
				return failf(BadServer, "the server's list of refs does not begin as git's protocol says")
			}
			n-- // the list itself begins now
		case len(line) == 0:
			return nil
		case bytes.HasPrefix(line, []byte("version ")), bytes.HasPrefix(line, []byte("shallow ")):
		default:
			if err := l.readLine(line); err != nil {
				return err
			}
		}
	}
	if said, ok := errors.AsType[*pktline.ErrorLine](lines.Err()); ok {
		return remoteSaid(said.Text)
	}
	if err := lines.Err(); err != nil {
		return failf(BadServer, "the server's list of refs is malformed (%v)", err)
	}
	return failf(BadServer, "the server's list of refs ends early")
}

func (l *listing) readLine(line []byte) error {
	line, capabilities, hasCapabilities := bytes.Cut(line, []byte{0})
	if hasCapabilities {
		for c := range strings.FieldsSeq(string(capabilities)) {
			name, value, _ := strings.Cut(c, "=")
			l.capabilities[name] = value
		}
	}
	hash, name, found := strings.Cut(string(line), " ")
	if hash64.MatchString(hash) || l.capabilities["object-format"] == "sha256" {
		return failf(BadServer, "the repository uses SHA-256 hashes, and only SHA-1 can be read")
	}
	if !found || !hash40.MatchString(hash) {
		return failf(BadServer, "the server's list of refs has a line that is not one: %s", foreign(string(line)))
	}
	if name != "capabilities^{}" { // stands in for the refs of an empty repository
		l.add(name, plumbing.NewHash(hash))
	}
	return nil
}

func (l *listing) add(name string, hash plumbing.Hash) {
	l.any = true
	if strings.HasSuffix(name, "^{}") {
		l.addPeeled(hash)
		return
	}
	l.last, l.lastHash = nil, hash
	switch {
	case l.candidates == nil && hash.String() == l.want:
		l.pointed = &ref{hash: hash}
		l.last = l.pointed
	case l.candidates == nil && strings.HasPrefix(name, "refs/heads/") && len(l.branches) < maxBranches:
		l.branches[hash] = true
	default:
		for _, candidate := range l.candidates {
			if candidate == name {
				l.last = &ref{hash: hash}
				l.named[name] = l.last
			}
		}
	}
}

// addPeeled takes in what the tag of the line before points to.
func (l *listing) addPeeled(hash plumbing.Hash) {
	if l.last != nil {
		l.last.peeled = hash
	} else if l.candidates == nil && l.pointed == nil && hash.String() == l.want {
		l.pointed = &ref{hash: l.lastHash, peeled: hash}
	}
}

// target is what to ask a server for.
type target struct {
	wants []plumbing.Hash
	// commit is what is to be published. Behind a tag that the server does not peel
	// it is the tag.
	commit plumbing.Hash
	// searched means that the server does not promise to send the commit.
	searched bool
}

// resolve finds what the wanted ref means.
func (l *listing) resolve(depth int) (target, error) {
	if !l.any {
		return target{}, failf(NoSuchRef, "the repository is empty; push a commit to it")
	}
	for _, name := range l.candidates {
		if r := l.named[name]; r != nil {
			// The tag itself is what the server offers, not the commit behind it.
			return target{wants: []plumbing.Hash{r.hash}, commit: r.commit()}, nil
		}
	}
	switch {
	case l.want == "HEAD":
		return target{}, failf(NoSuchRef, "the repository has no default branch: its HEAD names a branch that does not exist; set ref to a branch")
	case strings.HasPrefix(l.want, "refs/"):
		return target{}, failf(NoSuchRef, "the repository has no ref %s", foreign(l.want))
	case l.candidates != nil:
		return target{}, failf(NoSuchRef, "the repository has no branch and no tag %s", foreign(l.want))
	}
	return l.resolveHash(depth)
}

func (l *listing) resolveHash(depth int) (target, error) {
	hash := plumbing.NewHash(l.want)
	if l.pointed != nil {
		return target{wants: []plumbing.Hash{l.pointed.hash}, commit: l.pointed.commit()}, nil
	}
	for _, c := range []string{"allow-tip-sha1-in-want", "allow-reachable-sha1-in-want"} {
		if _, ok := l.capabilities[c]; ok {
			return target{wants: []plumbing.Hash{hash}, commit: hash}, nil
		}
	}
	t := target{commit: hash, searched: true}
	for branch := range l.branches {
		t.wants = append(t.wants, branch)
	}
	if len(t.wants) == 0 {
		return target{}, noSuchCommit(l.want, depth)
	}
	plumbing.HashesSort(t.wants)
	return t, nil
}

func noSuchCommit(hash string, depth int) *failure {
	return failf(NoSuchRef, "commit %s is not what a branch or tag points to, the server gives out no others by their hash, and it is not among the last %d commit(s) of a branch; tag it, or raise depth", hash, depth)
}
