// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// rules are the full names that a short one can mean, the best first: those of git
// (gitrevisions(7), "<refname>").
var rules = []string{"refs/*", "refs/tags/*", "refs/heads/*", "refs/remotes/*", "refs/remotes/*/HEAD"}

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
	want       string
	candidates []string // full names that want could mean, the best first; none if it is a hash
	hint       string   // full name of a branch that may have been meant

	any      bool
	head     string          // the default branch's full name, if the server tells
	unborn   bool            // it has no commit
	named    map[string]*ref // of the candidates and the hint
	pointed  *ref            // if want is a hash: a ref that points to it
	branches map[plumbing.Hash]bool

	last     *ref // the line before, for what it points to
	lastHash plumbing.Hash
}

func newListing(want string) *listing {
	l := &listing{want: want, named: map[string]*ref{}, branches: map[plumbing.Hash]bool{}}
	switch {
	case want == "HEAD" || strings.HasPrefix(want, "refs/"):
		l.candidates = []string{want}
	case !hash40.MatchString(want):
		for _, rule := range rules {
			l.candidates = append(l.candidates, strings.Replace(rule, "*", want, 1))
		}
	}
	// origin/main, remotes/origin/main: what a clone calls a branch.
	short := strings.TrimPrefix(strings.TrimPrefix(want, "refs/"), "remotes/")
	if _, branch, found := strings.Cut(short, "/"); found && branch != "" {
		l.hint = "refs/heads/" + branch
	}
	return l
}

// asked are the beginnings of the names of all refs that matter.
func (l *listing) asked() []string {
	names := append([]string{"HEAD"}, l.candidates...)
	if l.hint != "" {
		names = append(names, l.hint)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// readLine takes in a ref, as the server names it.
func (l *listing) readLine(hash, name string, found bool, line string) error {
	if hash64.MatchString(hash) {
		return errSHA256
	}
	if !found || !hash40.MatchString(hash) {
		return failf(BadServer, "the server's list of refs has a line that is not one: %s", foreign(line))
	}
	l.add(name, plumbing.NewHash(hash))
	return nil
}

var errSHA256 = failf(BadServer, "the repository uses SHA-256 hashes, and only SHA-1 can be read")

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
	case name == l.hint || slices.Contains(l.candidates, name):
		l.last = &ref{hash: hash}
		l.named[name] = l.last
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

// resolve finds what the wanted ref means to a server.
func (l *listing) resolve(g *greeting, depth int) (target, error) {
	if !g.v2 && !l.any {
		return target{}, failf(NoSuchRef, "the repository is empty; push a commit to it")
	}
	for _, name := range l.candidates {
		if r := l.named[name]; r != nil {
			// The tag itself is what the server offers, not the commit behind it.
			return target{wants: []plumbing.Hash{r.hash}, commit: r.commit()}, nil
		}
	}
	if l.candidates != nil {
		return target{}, l.missing()
	}
	return l.resolveHash(g, depth)
}

// missing is the error of a ref that the repository does not have. It leads to one
// that it has, if there is one that may have been meant.
func (l *listing) missing() *failure {
	branch := foreign(strings.TrimPrefix(l.head, "refs/heads/"))
	what := "branch and no tag"
	switch {
	case l.want == "HEAD" && l.unborn:
		return failf(NoSuchRef, "the repository's default branch, %s, has no commit; push one to it, or set ref to another branch", branch)
	case l.want == "HEAD":
		return failf(NoSuchRef, "the repository has no default branch: its HEAD names a branch that does not exist; set ref to a branch")
	case strings.HasPrefix(l.want, "refs/"):
		what = "ref"
	}
	switch {
	case l.named[l.hint] != nil:
		return failf(NoSuchRef, "the repository has no %s %s; did you mean its branch %s?", what, foreign(l.want), foreign(strings.TrimPrefix(l.hint, "refs/heads/")))
	case l.unborn:
		return failf(NoSuchRef, "the repository has no %s %s; its default branch, %s, has no commit, so it may be empty", what, foreign(l.want), branch)
	case l.head != "":
		return failf(NoSuchRef, "the repository has no %s %s; its default branch is %s", what, foreign(l.want), branch)
	}
	return failf(NoSuchRef, "the repository has no %s %s", what, foreign(l.want))
}

func (l *listing) resolveHash(g *greeting, depth int) (target, error) {
	hash := plumbing.NewHash(l.want)
	if l.pointed != nil {
		return target{wants: []plumbing.Hash{l.pointed.hash}, commit: l.pointed.commit()}, nil
	}
	// In version 2 any object can be asked for.
	if g.v2 || g.first("allow-tip-sha1-in-want", "allow-reachable-sha1-in-want") != "" {
		return target{wants: []plumbing.Hash{hash}, commit: hash}, nil
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
