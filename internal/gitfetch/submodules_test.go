// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoRepos are a repository and one for its submodules, on one server.
func twoRepos(t *testing.T) (site, lib repo, url string) {
	t.Helper()
	root := t.TempDir()
	site, lib = newRepo(t, root), newRepo(t, filepath.Join(root, "lib"))
	return site, lib, serve(t, backend(t, root))
}

func gitmodules(pairs ...string) string {
	var out strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&out, "[submodule \"%d\"]\n\tpath = %s\n\turl = %s\n", i, pairs[i], pairs[i+1])
	}
	return out.String()
}

func TestSubmodulesAreFetchedFromWhereThePolicyAllows(t *testing.T) {
	t.Parallel()
	site, lib, url := twoRepos(t)
	first := lib.commit("refs/heads/main", files{"lib.js": "one", "deep/x": "x", "in": isLink + "deep/x", "nested": isSubmodule + strings.Repeat("1", 40)})
	modules := gitmodules("themes/lib", "../lib/site.git", "other", url+"/lib/site.git")
	content := files{"index.html": "hello", ".gitmodules": modules, "themes/lib": isSubmodule + first, "other": isSubmodule + first, "to": isLink + "themes/lib/lib.js"}
	commit := site.commit("refs/heads/main", content)
	r := Request{Repo: url + "/site.git", Submodules: []string{url + "/*"}}
	result, tree := mustFetch(t, r)
	want := files{
		"index.html": "hello", ".gitmodules": modules, "to": isLink + "themes/lib/lib.js",
		"themes/lib/lib.js": "one", "themes/lib/deep/x": "x", "themes/lib/in": isLink + "deep/x", "other/lib.js": "one", "other/deep/x": "x", "other/in": isLink + "deep/x",
	}
	got := readTree(t, tree)
	for _, dir := range []string{"themes", "themes/lib", "themes/lib/deep", "themes/lib/nested", "other", "other/deep", "other/nested"} {
		delete(got, dir)
		delete(got, dir+"/")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tree (-want +got):\n%s", diff)
	}
	if result.Commit != commit || result.Files != 9 || result.Bytes != int64(len("hello")+len(modules)+2*len("onex")) || result.Submodules != 2 {
		t.Errorf("the result is %+v", result)
	}

	// The next commit builds upon this one, and has another commit of the submodule.
	second := lib.commit("refs/heads/main", files{"lib.js": "two"}, first)
	content["themes/lib"] = isSubmodule + second
	delete(content, "other")
	site.commit("refs/heads/main", content, commit)
	r.Have, r.Published, r.Kept = commit, tree, filepath.Join(filepath.Dir(tree), "kept")
	result, tree = mustFetch(t, r)
	if got := readTree(t, tree); got["themes/lib/lib.js"] != "two" || got["index.html"] != "hello" || result.Submodules != 0 || result.Misfit != "" {
		t.Errorf("after an update there is %v, %+v", got, result)
	}
	// One directory that has a submodule.
	r.Have, r.Published, r.Kept, r.Subdir = "", "", "", "themes"
	if _, tree = mustFetch(t, r); readTree(t, tree)["lib/lib.js"] != "two" {
		t.Errorf("below subdir there is %v", readTree(t, tree))
	}
}

func TestASubmoduleThatCannotBeFetchedIsNamed(t *testing.T) {
	t.Parallel()
	site, lib, url := twoRepos(t)
	hash := lib.commit("refs/heads/main", files{"a": strings.Repeat("a", 64<<10)})
	none := strings.Repeat("1", 40)
	for name, c := range map[string]struct {
		files files
		want  string
		only  string // the pattern; "" for those of the host
		bytes int64
	}{
		"another host":                              {files{".gitmodules": gitmodules("m", "https://evil.example/x"), "m": isSubmodule + hash}, `the commit's submodule "m" comes from "https://evil.example/x", which the policy does not allow`, "", 0},
		"an address":                                {files{".gitmodules": gitmodules("m", "http://169.254.169.254/latest"), "m": isSubmodule + hash}, `the commit's submodule "m" comes from "http://169.254.169.254/latest", which the policy does not allow`, "http://*:*/*", 0},
		"another owner on the host":                 {files{".gitmodules": gitmodules("m", "../lib/site.git"), "m": isSubmodule + hash}, `the commit's submodule "m" comes from "` + url + `/lib/site.git", which the policy does not allow`, url + "/site.git", 0},
		"a way up that leads nowhere":               {files{".gitmodules": gitmodules("m", "../../../../x"), "m": isSubmodule + hash}, `the commit's submodule "m" comes from "` + url + `/x", which the policy does not allow`, url + "/lib/*", 0},
		"a file of the node":                        {files{".gitmodules": gitmodules("m", "file:///etc"), "m": isSubmodule + hash}, `the commit's submodule "m" has the URL "file:///etc", and only those with https:// or relative ones are fetched`, "", 0},
		"a program":                                 {files{".gitmodules": gitmodules("m", "ext::sh -c id"), "m": isSubmodule + hash}, `the commit's submodule "m" has the URL "ext::sh -c id", and only those with https:// or relative ones are fetched`, "", 0},
		"ssh":                                       {files{".gitmodules": gitmodules("m", "git@github.com:acme/x"), "m": isSubmodule + hash}, `the commit's submodule "m" has the URL "git@github.com:acme/x", and only those with https:// or relative ones are fetched`, "", 0},
		"no .gitmodules":                            {files{"m": isSubmodule + hash}, `the commit's submodule "m" has no URL in .gitmodules`, "", 0},
		"another path in .gitmodules":               {files{".gitmodules": gitmodules("n", "../lib/site.git"), "m": isSubmodule + hash}, `the commit's submodule "m" has no URL in .gitmodules`, "", 0},
		"a commit that is not there":                {files{".gitmodules": gitmodules("m", "../lib/site.git"), "m": isSubmodule + none}, `the submodule "m": ` + url + `/lib/site.git: the server does not give out this commit, or not any more`, "", 0},
		"more than the budget leaves":               {files{".gitmodules": gitmodules("m", "../lib/site.git"), "m": isSubmodule + hash, "b": strings.Repeat("b", 30<<10)}, `the submodule "m": ` + url + `/lib/site.git at ` + hash + `: the repository holds an object of 65536 bytes, which is over the budget of 40960`, "", 80 << 10},
		"a link that leads out through a submodule": {files{".gitmodules": gitmodules("m", "../lib/site.git"), "m": isSubmodule + hash, "l": isLink + "m/a/b/../../../x"}, `the commit's link "l", with the target "m/a/b/../../../x", leads out of the published directory`, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			ref := "refs/heads/" + strings.ReplaceAll(strings.TrimPrefix(name, "no ."), " ", "-")
			site.commit(ref, c.files)
			r := Request{Repo: url + "/site.git", Ref: ref, Submodules: []string{url + "/*"}, MaxBytes: c.bytes}
			if c.only != "" {
				r.Submodules = []string{c.only}
			}
			if e := mustFail(t, r); !strings.HasPrefix(e.Message, url+"/site.git") || !strings.Contains(e.Message, ": "+c.want) {
				t.Errorf("got  %s\nwant %s", e.Message, c.want)
			}
		})
	}
}

// A Secret is for the host of the repository, and the host of a submodule is its author's choice.
func TestTheSecretGoesToSubmodulesOfTheSameHostAlone(t *testing.T) {
	t.Parallel()
	e, err := parseRepo("https://git.acme.example/web/site")
	if err != nil {
		t.Fatal(err)
	}
	f := &fetcher{endpoint: e, token: &Token{Value: "t"}, Request: Request{Auth: AuthGitHubApp, AuthDir: "/auth", Redirects: []string{"a"}, Submodules: []string{"https://*/*"}, MaxBytes: 100, MaxFiles: 10}}
	for url, same := range map[string]bool{
		"https://git.acme.example/web/lib": true, "https://GIT.acme.example:443/lib": true, "https://git.acme.example:8443/lib": false,
		"https://acme.example/lib": false, "https://git.acme.example.evil.example/lib": false, "http://git.acme.example/lib": false,
	} {
		to, err := parseRepo(url)
		if err != nil {
			t.Fatal(err)
		}
		r := f.moduleRequest(module{entry: &entry{}, repo: to}, "/d", &treeReader{disk: 60, files: 4})
		if (r.Auth != "") != same || (r.AuthDir != "") != same || (r.Token != nil) != same {
			t.Errorf("%s gets %q, %q, %v", url, r.Auth, r.AuthDir, r.Token)
		}
		if r.MaxBytes != 40 || r.MaxFiles != 6 || r.Submodules != nil || !cmp.Equal(r.Redirects, f.Submodules) {
			t.Errorf("%s is asked with %+v", url, r)
		}
	}
}

func TestWithoutPatternsSubmodulesAreEmptyAndNobodyIsAsked(t *testing.T) {
	t.Parallel()
	site, lib, _ := twoRepos(t)
	hash := lib.commit("refs/heads/main", files{"a": "a"})
	site.commit("refs/heads/main", files{".gitmodules": gitmodules("m", "../lib/site.git"), "m": isSubmodule + hash})
	all := backend(t, filepath.Dir(site.dir))
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/lib/") {
			t.Errorf("somebody asks for %s", r.URL)
		}
		all.ServeHTTP(w, r)
	}))
	if result, tree := mustFetch(t, Request{Repo: url + "/site.git"}); result.Submodules != 1 || readTree(t, tree)["m/a"] != "" {
		t.Errorf("%+v, %v", result, readTree(t, tree))
	}
}
