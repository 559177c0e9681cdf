// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// history is a repository in which every ref that a test names means another commit.
type history struct {
	repo
	commits map[string]string // by content of the file a
}

func newHistory(t *testing.T) history {
	t.Helper()
	h := history{newRepo(t, ""), map[string]string{}}
	add := func(ref, content string, parents ...string) string {
		h.commits[content] = h.commit(ref, files{"a": content}, parents...)
		return h.commits[content]
	}
	first := add("", "first")
	second := add("", "second", first)
	add("refs/heads/main", "main", second)
	add("refs/heads/both", "branch")
	add("refs/tags/both", "tag")
	add("refs/heads/feature/x", "feature")
	add("refs/tags/light", "light")
	add("refs/pull/7/head", "pull")
	add("refs/heads/mainline", "mainline")
	add("refs/deep/name", "below refs")
	add("refs/heads/deep/name", "not this one")
	add("refs/tags/deep/name", "nor this one")
	add("refs/remotes/fork/side", "mirrored")
	add("refs/remotes/fork/HEAD", "mirrored head")
	h.git("", "tag", "-a", "v1", "-m", "one", add("", "annotated"))
	h.git("", "tag", "-a", "v1-again", "-m", "two", "v1")
	h.git("", "update-ref", "refs/tags/tree", h.tree(files{"a": "a"}))
	h.git("", "tag", "-a", "blob", "-m", "three", h.blob("blob"))
	return h
}

// transports are the ways to a repository, in both versions of the protocol.
func transports(t *testing.T, r repo) map[string]Request {
	t.Helper()
	git := backend(t, filepath.Dir(r.dir))
	ssh, ssh0 := newSSHServer(t), newSSHServer(t)
	ssh0.v0 = true
	return map[string]Request{
		"http":            {Repo: serve(t, git) + "/site.git"},
		"http, version 0": {Repo: serve(t, v0(git)) + "/site.git"},
		"ssh":             ssh.request(t, r.dir, ssh.line("ssh-ed25519")),
		"ssh, version 0":  ssh0.request(t, r.dir, ssh0.line("ssh-ed25519")),
	}
}

// fetched is the commit that git gets for a ref. It knows hashes in lower case alone.
func (h history) fetched(clone repo, ref string) string {
	h.t.Helper()
	if hash := strings.ToLower(ref); hash40.MatchString(hash) {
		ref = hash
	}
	clone.git("", "fetch", "--quiet", h.dir, ref)
	return clone.git("", "rev-parse", "FETCH_HEAD^{commit}")
}

func TestARefIsResolvedAsGitDoes(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	tag := h.git("", "rev-parse", "refs/tags/v1")
	ways := transports(t, h.repo)
	clone := newRepo(t, "")
	for name, c := range map[string]struct {
		ref   string
		depth int
		want  string // content
	}{
		"HEAD is the default branch":                       {"HEAD", 1, "main"},
		"a branch":                                         {"main", 1, "main"},
		"a tag wins over a branch":                         {"both", 1, "tag"},
		"the branch can be named in part":                  {"heads/both", 1, "branch"},
		"the branch can be named in full":                  {"refs/heads/both", 1, "branch"},
		"a tag can be named in part":                       {"tags/light", 1, "light"},
		"what is directly below refs wins over both":       {"deep/name", 1, "below refs"},
		"a branch with a slash":                            {"feature/x", 1, "feature"},
		"a branch that begins as another":                  {"mainline", 1, "mainline"},
		"a lightweight tag":                                {"light", 1, "light"},
		"an annotated tag is its commit":                   {"v1", 1, "annotated"},
		"so is a tag of a tag":                             {"v1-again", 1, "annotated"},
		"any ref by its full name":                         {"refs/pull/7/head", 1, "pull"},
		"any ref without refs":                             {"pull/7/head", 1, "pull"},
		"a branch of a mirrored clone":                     {"fork/side", 1, "mirrored"},
		"the default branch of a mirrored clone":           {"fork", 1, "mirrored head"},
		"a hash that a branch points to":                   {h.commits["main"], 1, "main"},
		"a hash in upper case":                             {strings.ToUpper(h.commits["main"]), 1, "main"},
		"a hash that an annotated tag points to":           {h.commits["annotated"], 1, "annotated"},
		"the hash of an annotated tag":                     {tag, 1, "annotated"},
		"a hash that is so many commits behind a branch":   {h.commits["second"], 2, "second"},
		"a hash that is more commits behind a branch":      {h.commits["first"], 3, "first"},
		"depth does no harm to what is not searched for":   {"main", 1000, "main"},
		"a hash that only a ref of its own kind points to": {h.commits["pull"], 1, "pull"},
	} {
		if git := h.fetched(clone, c.ref); git != h.commits[c.want] {
			t.Errorf("%s: git gets %s, and the test wants %s", name, git, h.commits[c.want])
		}
		for way, r := range ways {
			t.Run(name+" over "+way, func(t *testing.T) {
				t.Parallel()
				r.Ref, r.Depth = c.ref, c.depth
				got, tree := mustFetch(t, r)
				if got.Commit != h.commits[c.want] {
					t.Errorf("got commit %s, want %s", got.Commit, h.commits[c.want])
				}
				if diff := cmp.Diff(files{"a": c.want}, readTree(t, tree)); diff != "" {
					t.Errorf("tree (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestARefThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	ways := transports(t, h.repo)
	none := strings.Repeat("1", 40)
	unreachable := func(hash string) string {
		return "commit " + hash + " is not what a branch or tag points to, the server gives out no others by their hash, " +
			"and it is not among the last 1 commit(s) of a branch; tag it, or raise depth"
	}
	for name, c := range map[string]struct {
		ref  string
		want string
		v0   string // if it is another
	}{
		"neither branch nor tag":            {"gone", `the repository has no branch and no tag "gone"; its default branch is "main"`, ""},
		"no full name":                      {"refs/heads/gone", `the repository has no ref "refs/heads/gone"; its default branch is "main"`, ""},
		"a clone's name of a branch":        {"origin/main", `the repository has no branch and no tag "origin/main"; did you mean its branch "main"?`, ""},
		"a clone's long name of it":         {"remotes/origin/feature/x", `the repository has no branch and no tag "remotes/origin/feature/x"; did you mean its branch "feature/x"?`, ""},
		"a clone's full name of it":         {"refs/remotes/origin/main", `the repository has no ref "refs/remotes/origin/main"; did you mean its branch "main"?`, ""},
		"a clone's name of no branch":       {"origin/gone", `the repository has no branch and no tag "origin/gone"; its default branch is "main"`, ""},
		"an ancestor out of reach":          {h.commits["second"], "", unreachable(h.commits["second"])},
		"a hash of nothing":                 {none, `the server does not give out this commit, or not any more; it says "upload-pack: not our ref ` + none + `"`, unreachable(none)},
		"a ref that is no commit":           {"refs/tags/tree", "the ref points to a tree, not to a commit", ""},
		"a tag of no commit":                {"blob", "the ref points to a blob, not to a commit", ""},
		"what only begins as a branch":      {"mai", `the repository has no branch and no tag "mai"; its default branch is "main"`, ""},
		"a branch in the wrong case":        {"MAIN", `the repository has no branch and no tag "MAIN"; its default branch is "main"`, ""},
		"a directory of branches is no ref": {"feature", `the repository has no branch and no tag "feature"; its default branch is "main"`, ""},
	} {
		for way, r := range ways {
			t.Run(name+" over "+way, func(t *testing.T) {
				t.Parallel()
				want := &Error{Reason: NoSuchRef, Message: r.Repo + ": " + c.want}
				if c.v0 != "" && strings.Contains(way, "version 0") {
					want.Message = r.Repo + ": " + c.v0
				} else if c.want == "" {
					return
				}
				r.Ref = c.ref
				if diff := cmp.Diff(want, mustFail(t, r)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAServerMayGiveOutAnyCommit(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.git("", "config", "uploadpack.allowAnySHA1InWant", "true")
	for way, r := range transports(t, h.repo) {
		r.Ref = h.commits["first"]
		if got, _ := mustFetch(t, r); got.Commit != r.Ref {
			t.Errorf("%s: got %+v, want commit %s", way, got, r.Ref)
		}
		r.Ref = strings.Repeat("1", 40)
		want := &Error{Reason: NoSuchRef, Message: r.Repo + `: the server does not give out this commit, or not any more; it says "upload-pack: not our ref ` + r.Ref + `"`}
		if diff := cmp.Diff(want, mustFail(t, r)); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", way, diff)
		}
	}
}

func TestARepositoryWithoutCommits(t *testing.T) {
	t.Parallel()
	empty := newRepo(t, "")
	headless := newRepo(t, "")
	headless.commit("refs/heads/other", files{"a": "a"})
	const isEmpty = "the repository is empty; push a commit to it"
	none := strings.Repeat("1", 40)
	for name, c := range map[string]struct {
		repo     repo
		ref      string
		want, v0 string
	}{
		"is empty for HEAD": {empty, "HEAD", `the repository's default branch, "main", has no commit; push one to it, or set ref to another branch`, isEmpty},
		"is empty for a branch": {
			empty, "main",
			`the repository has no branch and no tag "main"; its default branch, "main", has no commit, so it may be empty`, isEmpty,
		},
		"is empty for a hash": {empty, none, `the server does not give out this commit, or not any more; it says "upload-pack: not our ref ` + none + `"`, isEmpty},
		"on its default branch says so": {
			headless, "HEAD",
			`the repository's default branch, "main", has no commit; push one to it, or set ref to another branch`,
			"the repository has no default branch: its HEAD names a branch that does not exist; set ref to a branch",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			git := backend(t, filepath.Dir(c.repo.dir))
			for handler, text := range map[*http.Handler]string{new(git): c.want, new(v0(git)): c.v0} {
				url := serve(t, *handler) + "/site.git"
				want := &Error{Reason: NoSuchRef, Message: url + ": " + text}
				if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: c.ref})); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestWithSHA256Hashes(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	r := repo{t, filepath.Join(root, "site.git")}
	repo{t, root}.git("", "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", "site.git")
	r.commit("refs/heads/main", files{"a": "a"})
	url := serveRepo(t, r)
	want := &Error{Reason: BadServer, Message: url + ": the repository uses SHA-256 hashes, and only SHA-1 can be read"}
	if diff := cmp.Diff(want, mustFail(t, Request{Repo: url})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// counted counts the requests of a handler by method.
func counted(h http.Handler) (http.Handler, func() string) {
	var log []string
	counter := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log = append(log, r.Method)
		h.ServeHTTP(w, r)
	})
	return counter, func() string { return strings.Join(log, " ") }
}

func TestNothingIsFetchedThatIsThereAlready(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	for name, c := range map[string]struct {
		ref, have    string
		want         Result
		requests, v0 string
	}{
		"the branch has not moved":       {"main", h.commits["main"], Result{Commit: h.commits["main"]}, "GET POST", "GET"},
		"the tag has not moved":          {"v1", h.commits["annotated"], Result{Commit: h.commits["annotated"]}, "GET POST", "GET"},
		"the branch has moved":           {"main", h.commits["first"], Result{Commit: h.commits["main"], Changed: true, Files: 1, Bytes: 4}, "GET POST POST", "GET POST"},
		"a hash does not move":           {h.commits["main"], h.commits["main"], Result{Commit: h.commits["main"]}, "", ""},
		"nor does one in upper case":     {strings.ToUpper(h.commits["main"]), h.commits["main"], Result{Commit: h.commits["main"]}, "", ""},
		"not even if the server lost it": {strings.Repeat("1", 40), strings.Repeat("1", 40), Result{Commit: strings.Repeat("1", 40)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			git := backend(t, filepath.Dir(h.dir))
			for server, requests := range map[*http.Handler]string{new(git): c.requests, new(v0(git)): c.v0} {
				handler, made := counted(*server)
				got, _ := mustFetch(t, Request{Repo: serve(t, handler) + "/site.git", Ref: c.ref, Have: c.have})
				if diff := cmp.Diff(c.want, got, anyReceived); diff != "" {
					t.Errorf("result (-want +got):\n%s", diff)
				}
				if made() != requests {
					t.Errorf("it took the requests %q, want %q", made(), requests)
				}
			}
		})
	}
}

func TestABranchIsFollowedOverAForcePush(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	url := serveRepo(t, r)
	have := ""
	for i := range 3 {
		hash := r.commit("refs/heads/main", files{"a": fmt.Sprint(i)}) // no parent: histories without a common commit
		got, tree := mustFetch(t, Request{Repo: url, Ref: "main", Have: have})
		if got.Commit != hash || readTree(t, tree)["a"] != fmt.Sprint(i) {
			t.Errorf("after push %d: got %+v", i, got)
		}
		have = got.Commit
	}
	r.git("", "update-ref", "-d", "refs/heads/main")
	if got := mustFail(t, Request{Repo: url, Ref: "main", Have: have}); got.Reason != NoSuchRef {
		t.Errorf("after its deletion: got %+v, want NoSuchRef", got)
	}
}

func TestASubdirectoryIsTheRoot(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	tree := files{
		"README": "r", "site/public/index.html": "i", "site/public/css/a.css": "a",
		"site/public/home": isLink + "./css/../index.html", "link": isLink + "site", "..hidden": "h",
		"other/module": isSubmodule + strings.Repeat("1", 40),
	}
	for i := range 10 {
		tree[fmt.Sprint("other/", i, "/f")] = "f"
	}
	commit := r.commit("refs/heads/main", tree)
	url := serveRepo(t, r)
	want := files{"index.html": "i", "css": isDirectory, "css/a.css": "a", "home": isLink + "./css/../index.html"}
	for _, subdir := range []string{"site/public", "/site//public/", "./site/public"} {
		_, tree := mustFetch(t, Request{Repo: url, Subdir: subdir})
		if diff := cmp.Diff(want, readTree(t, tree)); diff != "" {
			t.Errorf("tree of %q (-want +got):\n%s", subdir, diff)
		}
	}
	const top = `at its top there are "other", "site"`
	for subdir, why := range map[string]string{
		"nosuch":            top,
		"/Site/public":      top,
		"README":            `"README" is a file`,
		"README/x":          `"README" is a file`,
		"site/nosuch":       `in "site" there is "public"`,
		"site/public/css/x": `in "site/public/css" there is none`,
		"link":              `"link" is a link, which is not followed here; name the directory it leads to`,
		"link/public":       `"link" is a link, which is not followed here; name the directory it leads to`,
		"other/module":      `"other/module" is a submodule, which is another repository`,
		"other/many":        `in "other" there are "0", "1", "2", "3", "4", "5", "6", "7" and 2 more`,
		"site/..":           `in "site" there is "public"`,
		"..":                top,
	} {
		want := &Error{
			Reason: NoSuchSubdir, Commit: commit,
			Message: fmt.Sprintf("%s at %s: the commit has no directory %q: %s", url, commit, subdir, why),
		}
		if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Subdir: subdir})); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

// What was refused once is refused again without a transfer, until the ref means
// something else.
func TestABadCommitIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"out": isLink + "/etc"})
	git := v0(backend(t, filepath.Dir(r.dir)))
	var packs atomic.Int32
	url := serve(t, onPost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		packs.Add(1)
		git.ServeHTTP(w, r)
	}), git)) + "/site.git"
	refused := mustFail(t, Request{Repo: url})
	if refused.Reason != Refused || refused.Commit == "" {
		t.Fatalf("got %+v, want Refused and the commit", refused)
	}
	if got := packs.Load(); got != 1 {
		t.Fatalf("%d packs were asked for, want 1", got)
	}
	again, _ := mustFetch(t, Request{Repo: url, Bad: refused.Commit})
	if diff := cmp.Diff(Result{Commit: refused.Commit}, again); diff != "" {
		t.Errorf("a second review (-want +got):\n%s", diff)
	}
	if got := packs.Load(); got != 1 {
		t.Errorf("%d packs were asked for, want 1", got)
	}
	r.commit("refs/heads/main", files{"in": "in"})
	if moved, _ := mustFetch(t, Request{Repo: url, Bad: refused.Commit}); !moved.Changed {
		t.Errorf("after a good commit: got %+v", moved)
	}
}
