// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A policy can allow more repositories than a Secret is for. Neither a redirect nor a
// submodule leads it to the others.
func TestARedirectTakesTheSecretOnlyWhereThePolicySendsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secretFor []string
		gets      bool
	}{
		"to a repository that the Secret is for":             {[]string{"https://{host}/acme/*", "https://{host}/other/*"}, true},
		"to one that it is not for":                          {[]string{"https://{host}/acme/*"}, false},
		"where the Secret is for ssh alone":                  {[]string{"ssh://{host}/other/*"}, false},
		"where the policy does not say where it may be sent": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			newRepo(t, filepath.Join(root, "other")).commit("refs/heads/main", files{"a": "a"})
			site := backend(t, root)
			var got atomic.Bool
			url, ca := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if rest, found := strings.CutPrefix(r.URL.Path, "/acme/site/"); found {
					http.Redirect(w, r, "/other/site.git/"+rest+"?"+r.URL.RawQuery, http.StatusFound)
					return
				}
				if r.Header.Get("Authorization") != "" {
					got.Store(true)
				}
				site.ServeHTTP(w, r)
			}), nil)
			r := Request{
				Repo: strings.TrimSuffix(url, "/site.git") + "/acme/site", CAFile: ca, Redirects: []string{"https://" + hostOf(url) + "/*"},
				Auth: AuthBasic, AuthDir: secret(t, map[string]string{"username": "bob", "password": "hunter2"}),
			}
			for _, pattern := range c.secretFor {
				r.SecretFor = append(r.SecretFor, strings.ReplaceAll(pattern, "{host}", hostOf(url)))
			}
			mustFetch(t, r)
			if got.Load() != c.gets {
				t.Errorf("the target saw the Secret: %v, want %v", got.Load(), c.gets)
			}
		})
	}
}

func TestASubmoduleGetsTheSecretOnlyWhereThePolicySendsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secretFor []string
		gets      bool
	}{
		"the policy does not say where it may be sent": {nil, true},
		"the Secret is for the submodule":              {[]string{"https://{host}/*"}, true},
		"the Secret is for the repository alone":       {[]string{"https://{host}/site.git"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			site, lib := newRepo(t, root), newRepo(t, filepath.Join(root, "lib"))
			hash := lib.commit("refs/heads/main", files{"lib.js": "one"})
			site.commit("refs/heads/main", files{".gitmodules": gitmodules("lib", "../lib/site.git"), "lib": isSubmodule + hash})
			git := backend(t, root)
			var got atomic.Bool
			url, ca := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/lib/") && r.Header.Get("Authorization") != "" {
					got.Store(true)
				}
				git.ServeHTTP(w, r)
			}), nil)
			r := Request{
				Repo: url, CAFile: ca, Submodules: []string{"https://" + hostOf(url) + "/*"},
				Auth: AuthBasic, AuthDir: secret(t, map[string]string{"username": "bob", "password": "hunter2"}),
			}
			for _, pattern := range c.secretFor {
				r.SecretFor = append(r.SecretFor, strings.ReplaceAll(pattern, "{host}", hostOf(url)))
			}
			if result, _ := mustFetch(t, r); result.Submodules != 0 {
				t.Errorf("the submodule was not fetched: %+v", result)
			}
			if got.Load() != c.gets {
				t.Errorf("the submodule's server saw the Secret: %v, want %v", got.Load(), c.gets)
			}
		})
	}
}
