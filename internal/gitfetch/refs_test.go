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
	h.git("", "tag", "-a", "v1", "-m", "one", add("", "annotated"))
	h.git("", "tag", "-a", "v1-again", "-m", "two", "v1")
	h.git("", "update-ref", "refs/tags/tree", h.tree(files{"a": "a"}))
	h.git("", "tag", "-a", "blob", "-m", "three", h.blob("blob"))
	return h
}

func TestARefIsResolvedAsGitCloneDoes(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	server := newSSHServer(t)
	url := serveRepo(t, h.repo)
	transports := map[string]func(t *testing.T) Request{
		"http": func(*testing.T) Request { return Request{Repo: url} },
		"ssh":  func(t *testing.T) Request { return server.request(t, h.dir, server.line("ssh-ed25519")) },
	}
	tag := h.git("", "rev-parse", "refs/tags/v1")
	for name, c := range map[string]struct {
		ref   string
		depth int
		want  string // content
	}{
		"HEAD is the default branch":                       {"HEAD", 1, "main"},
		"a branch":                                         {"main", 1, "main"},
		"a branch wins over a tag":                         {"both", 1, "branch"},
		"the tag can be named in full":                     {"refs/tags/both", 1, "tag"},
		"a branch with a slash":                            {"feature/x", 1, "feature"},
		"a lightweight tag":                                {"light", 1, "light"},
		"an annotated tag is its commit":                   {"v1", 1, "annotated"},
		"so is a tag of a tag":                             {"v1-again", 1, "annotated"},
		"any ref by its full name":                         {"refs/pull/7/head", 1, "pull"},
		"a hash that a branch points to":                   {h.commits["main"], 1, "main"},
		"a hash that an annotated tag points to":           {h.commits["annotated"], 1, "annotated"},
		"the hash of an annotated tag":                     {tag, 1, "annotated"},
		"a hash that is so many commits behind a branch":   {h.commits["second"], 2, "second"},
		"a hash that is more commits behind a branch":      {h.commits["first"], 3, "first"},
		"depth does no harm to what is not searched for":   {"main", 1000, "main"},
		"a hash that only a ref of its own kind points to": {h.commits["pull"], 1, "pull"},
	} {
		for transport, request := range transports {
			t.Run(name+" over "+transport, func(t *testing.T) {
				t.Parallel()
				r := request(t)
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
	url := serveRepo(t, h.repo)
	none := strings.Repeat("1", 40)
	for name, c := range map[string]struct {
		ref  string
		want string
	}{
		"neither branch nor tag": {"gone", `the repository has no branch and no tag "gone"`},
		"no full name":           {"refs/heads/gone", `the repository has no ref "refs/heads/gone"`},
		"an ancestor out of reach": {h.commits["second"], "commit " + h.commits["second"] + " is not what a branch or tag points to, the server gives out no others by their hash, " +
			"and it is not among the last 1 commit(s) of a branch; tag it, or raise depth"},
		"a hash of nothing": {none, "commit " + none + " is not what a branch or tag points to, the server gives out no others by their hash, " +
			"and it is not among the last 1 commit(s) of a branch; tag it, or raise depth"},
		"a ref that is no commit": {"refs/tags/tree", "the ref points to a tree, not to a commit"},
		"a tag of no commit":      {"blob", "the ref points to a blob, not to a commit"},
		"a pattern is no ref":     {"ma*", `the repository has no branch and no tag "ma*"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := &Error{Reason: NoSuchRef, Message: url + ": " + c.want}
			if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: c.ref})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAServerMayGiveOutAnyCommit(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.git("", "config", "uploadpack.allowAnySHA1InWant", "true")
	url := serveRepo(t, h.repo)
	if got, _ := mustFetch(t, Request{Repo: url, Ref: h.commits["first"]}); got.Commit != h.commits["first"] {
		t.Errorf("got %+v, want commit %s", got, h.commits["first"])
	}
	none := strings.Repeat("1", 40)
	want := &Error{Reason: NoSuchRef, Message: url + `: the server does not give out this commit, or not any more; it says "upload-pack: not our ref ` + none + `"`}
	if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: none})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestARepositoryWithoutCommits(t *testing.T) {
	t.Parallel()
	empty := newRepo(t, "")
	headless := newRepo(t, "")
	headless.commit("refs/heads/other", files{"a": "a"})
	for name, c := range map[string]struct {
		repo repo
		ref  string
		want string
	}{
		"is empty for HEAD":             {empty, "HEAD", "the repository is empty; push a commit to it"},
		"is empty for a branch":         {empty, "main", "the repository is empty; push a commit to it"},
		"is empty for a hash":           {empty, strings.Repeat("1", 40), "the repository is empty; push a commit to it"},
		"on its default branch says so": {headless, "HEAD", "the repository has no default branch: its HEAD names a branch that does not exist; set ref to a branch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serveRepo(t, c.repo)
			want := &Error{Reason: NoSuchRef, Message: url + ": " + c.want}
			if diff := cmp.Diff(want, mustFail(t, Request{Repo: url, Ref: c.ref})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
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
		ref, have string
		want      Result
		requests  string
	}{
		"the branch has not moved":       {"main", h.commits["main"], Result{Commit: h.commits["main"]}, "GET"},
		"the tag has not moved":          {"v1", h.commits["annotated"], Result{Commit: h.commits["annotated"]}, "GET"},
		"the branch has moved":           {"main", h.commits["first"], Result{Commit: h.commits["main"], Changed: true, Files: 1, Bytes: 4}, "GET POST"},
		"a hash does not move":           {h.commits["main"], h.commits["main"], Result{Commit: h.commits["main"]}, ""},
		"not even if the server lost it": {strings.Repeat("1", 40), strings.Repeat("1", 40), Result{Commit: strings.Repeat("1", 40)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, requests := counted(backend(t, filepath.Dir(h.dir)))
			got, _ := mustFetch(t, Request{Repo: serve(t, handler) + "/site.git", Ref: c.ref, Have: c.have})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if requests() != c.requests {
				t.Errorf("it took the requests %q, want %q", requests(), c.requests)
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
	commit := r.commit("refs/heads/main", files{
		"README": "r", "site/public/index.html": "i", "site/public/css/a.css": "a",
		"site/public/home": isLink + "./css/../index.html", "link": isLink + "site", "..hidden": "h",
	})
	url := serveRepo(t, r)
	want := files{"index.html": "i", "css": isFolder, "css/a.css": "a", "home": isLink + "./css/../index.html"}
	for _, subdir := range []string{"site/public", "/site//public/", "./site/public"} {
		_, tree := mustFetch(t, Request{Repo: url, Subdir: subdir})
		if diff := cmp.Diff(want, readTree(t, tree)); diff != "" {
			t.Errorf("tree of %q (-want +got):\n%s", subdir, diff)
		}
	}
	for _, subdir := range []string{"nosuch", "README", "site/nosuch", "link", "link/public", "site/..", "../site", ".."} {
		want := &Error{
			Reason: NoSuchSubdir, Commit: commit,
			Message: fmt.Sprintf("%s at %s: the commit has no folder %q; check subdir", url, commit, subdir),
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
	git := backend(t, filepath.Dir(r.dir))
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
		t.Errorf("a second look (-want +got):\n%s", diff)
	}
	if got := packs.Load(); got != 1 {
		t.Errorf("%d packs were asked for, want 1", got)
	}
	r.commit("refs/heads/main", files{"in": "in"})
	if moved, _ := mustFetch(t, Request{Repo: url, Bad: refused.Commit}); !moved.Changed {
		t.Errorf("after a good commit: got %+v", moved)
	}
}
