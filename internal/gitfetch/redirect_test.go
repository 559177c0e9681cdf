// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A host has many owners. Who may be polled there, and who gets the Secret, is not its to
// say by a redirect.
func TestARedirectToAnotherRepositoryGetsNoSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to       string // the repository's path that /acme/site redirects to
		patterns []string
		secret   bool // the request has one
		private  bool // the server wants it
		want     Error
		gets     bool // the target sees the Secret
	}{
		"to add .git": {"/acme/site.git", nil, true, true, Error{}, true},
		"to add .git, whatever the policy allows":    {"/acme/site.git", []string{"https://{host}/other/*"}, true, true, Error{}, true},
		"to another, which is public":                {"/other/site.git", nil, true, false, Error{}, false},
		"to another, without a Secret":               {"/other/site.git", nil, false, false, Error{}, false},
		"to another, which is private":               {"/other/site.git", nil, true, true, Error{Reason: Unauthorized, Message: `the server redirects to "/other/site.git", another repository, to which the Secret is not sent (401); if that is right, use its URL as repo; it says "no:"`}, false},
		"to another, which is private, without one":  {"/other/site.git", nil, false, true, Error{Reason: Unauthorized, Message: `the server asks for credentials: the repository is private, or there is none of this name; check the URL, or name a Secret of type kubernetes.io/basic-auth; it says "no:"`}, false},
		"to another that the policy allows":          {"/other/site.git", []string{"https://{host}/acme/*", "https://{host}/other/*"}, true, true, Error{}, true},
		"to another that it allows by another port":  {"/other/site.git", []string{"https://127.0.0.1/other/*", "https://127.0.0.1:1/*"}, true, true, Error{Reason: UntrustedHost, Message: `the server redirects to "/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"to another that the policy does not allow":  {"/other/site.git", []string{"https://{host}/acme/*"}, true, true, Error{Reason: UntrustedHost, Message: `the server redirects to "/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"and not even without a Secret":              {"/other/site.git", []string{"https://{host}/acme/*"}, false, false, Error{Reason: UntrustedHost, Message: `the server redirects to "/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"to another by a path that leads up":         {"/acme/%2e%2e/other/site.git", []string{"https://{host}/acme/*"}, true, true, Error{Reason: UntrustedHost, Message: `the server redirects to "/acme/%2e%2e/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"to another by a path that is encoded twice": {"/acme/%252e%252e/other/site.git", []string{"https://{host}/acme/*"}, true, true, Error{Reason: UntrustedHost, Message: `the server redirects to "/acme/%252e%252e/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"to another, of ssh patterns alone":          {"/other/site.git", []string{"ssh://{host}/other/*"}, true, true, Error{Reason: UntrustedHost, Message: `the server redirects to "/other/site.git", which is another repository, and not one that the policy allows`}, false},
		"by a pattern that is none":                  {"/other/site.git", []string{"git.acme.example"}, true, true, Error{Reason: Misconfigured, Message: `the pattern "git.acme.example" of allowed redirects must be one of a URL, such as https://git.acme.example/web/*`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, owner := range []string{"acme", "other"} {
				newRepo(t, filepath.Join(root, owner)).commit("refs/heads/main", files{"owner": owner})
			}
			site := backend(t, root)
			if c.private {
				site = login("bob", "hunter2", site)
			}
			var got atomic.Bool
			url, ca := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if rest, found := strings.CutPrefix(r.URL.Path, "/acme/site/"); found {
					w.Header().Set("Location", c.to+"/"+rest+"?"+r.URL.RawQuery)
					w.WriteHeader(http.StatusMovedPermanently)
					return
				}
				if r.Header.Get("Authorization") != "" {
					got.Store(true)
				}
				site.ServeHTTP(w, r)
			}), nil)
			request := Request{Repo: strings.TrimSuffix(url, "/site.git") + "/acme/site", CAFile: ca}
			for _, pattern := range c.patterns {
				request.Redirects = append(request.Redirects, strings.ReplaceAll(pattern, "{host}", hostOf(url)))
			}
			if c.secret {
				request.Auth, request.AuthDir = AuthBasic, secret(t, map[string]string{"username": "bob", "password": "hunter2"})
			}
			if c.want.Reason == "" {
				mustFetch(t, request)
			} else {
				c.want.Message = request.Repo + ": " + c.want.Message
				if diff := cmp.Diff(&c.want, mustFail(t, request)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			}
			if got.Load() != c.gets {
				t.Errorf("the target saw the Secret: %v, want %v", got.Load(), c.gets)
			}
		})
	}
}

// What was lost on the way is not found again: a redirect through another repository and
// back could otherwise be told from one that is straight.
func TestASecretThatIsLostStaysLost(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	site := backend(t, filepath.Dir(r.dir))
	var seen atomic.Int32
	url, ca := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "" && !strings.HasPrefix(req.URL.Path, "/site/") {
			seen.Add(1)
		}
		for from, to := range map[string]string{"/site/": "/other.git/", "/other.git/": "/site.git/"} {
			if rest, found := strings.CutPrefix(req.URL.Path, from); found {
				http.Redirect(w, req, to+rest+"?"+req.URL.RawQuery, http.StatusFound)
				return
			}
		}
		site.ServeHTTP(w, req)
	}), nil)
	mustFetch(t, Request{Repo: strings.TrimSuffix(url, ".git"), CAFile: ca, Auth: AuthBasic, AuthDir: secret(t, map[string]string{"password": "hunter2"})})
	if n := seen.Load(); n != 0 {
		t.Errorf("the Secret was sent %d times behind the redirect", n)
	}
}

func TestPatternsOfRedirectsAreReadAsPoliciesReadThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, url string
		want         bool
	}{
		{"https://github.com/acme/*", "https://github.com/acme/site.git", true},
		{"https://github.com/acme/*", "https://github.com/acme/a/b", true},
		{"https://github.com/acme/*", "https://github.com/acmes/site", false},
		{"https://github.com/acme/*", "https://GitHub.com/acme/site", true},
		{"https://github.com/acme/*", "https://github.com/ACME/site", false},
		{"https://github.com/acme/*", "https://github.com:8443/acme/site", false},
		{"https://github.com:*/acme/*", "https://github.com:8443/acme/site", true},
		{"https://github.com:443/acme/*", "https://github.com/acme/site", true},
		{"https://github.com/acme/site", "https://github.com/acme/site", true},
		{"https://github.com/acme/site", "https://github.com/acme/site.git", false},
		{"https://github.com", "https://github.com/acme/site", true},
		{"https://*.acme.example/*", "https://git.acme.example/x", true},
		{"https://*.acme.example/*", "https://acme.example/x", false},
		{"https://git.acme.example/*", "https://git.acme.example.evil.example/x", false},
		{"https://*/*", "https://169.254.169.254/latest", false},
		{"https://169.254.169.254/*", "https://169.254.169.254/latest", true},
		{"https://*/*", "https://[fd00::1]/x", false},
		{"https://[fd00::1]/*", "https://[fd00::1]/x", true},
		{"http://git.acme.example/*", "https://git.acme.example/x", false},
		{"https://git.acme.example/*", "http://git.acme.example/x", false},
		{"https://git.acme.example/a?c/*", "https://git.acme.example/abc/x", false},
		{"https://git.acme.example/acme/*", "https://git.acme.example/acme//x", false},
		{"https://git.acme.example/acme/*", "https://git.acme.example/acme/../x", false},
		{"https://git.acme.example/acme/*", "https://git.acme.example/acme/%2e%2e/x", false},
		{"https://git.acme.example/acme/*", `https://git.acme.example/acme/..%5cx`, false},
		{"https://git.acme.example/acme/*", "https://git.acme.example/acme%2f..%2fx", false},
	} {
		patterns, err := parsePatterns([]string{c.pattern})
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		u, err := url.Parse(c.url + infoRefs)
		if err != nil {
			t.Fatal(err)
		}
		if got := patterns.cover(u, false); got != c.want {
			t.Errorf("%s covers %s: %v, want %v", c.pattern, c.url, got, c.want)
		}
	}
	upgraded, _ := url.Parse("https://git.acme.example/x/info/refs")
	if patterns, _ := parsePatterns([]string{"http://git.acme.example/*"}); !patterns.cover(upgraded, true) {
		t.Error("what was allowed by http is not allowed by https, where it was led")
	}
}
