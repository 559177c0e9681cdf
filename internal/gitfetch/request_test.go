// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARequestThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	const (
		https  = "https://127.0.0.1:1/acme/site.git"
		aURL   = "the repository must be a URL such as https://github.com/acme/site.git"
		scheme = "the repository's URL must begin with https://, http:// or ssh://"
		path   = "the repository's URL must have a path, without control characters"
		secret = "the repository's URL must not contain credentials; they belong in a Secret"
		query  = "the repository's URL must not have a query or a fragment"
	)
	good := Request{Repo: https, Ref: "main", Depth: 1, MaxBytes: 1, MaxFiles: 1}
	for name, c := range map[string]struct {
		change func(*Request)
		want   string
	}{
		"no URL":               {func(r *Request) { r.Repo = "/srv/site.git" }, aURL},
		"no host":              {func(r *Request) { r.Repo = "https:///site.git" }, aURL},
		"as scp writes it":     {func(r *Request) { r.Repo = "git@github.com:acme/site.git" }, aURL},
		"a file":               {func(r *Request) { r.Repo = "file:///srv/site.git" }, aURL},
		"a file on a host":     {func(r *Request) { r.Repo = "file://localhost/srv/site.git" }, scheme},
		"a program":            {func(r *Request) { r.Repo = "ext::sh -c id" }, aURL},
		"git's own scheme":     {func(r *Request) { r.Repo = "git://host/x" }, scheme},
		"upper case, no path":  {func(r *Request) { r.Repo = "HTTPS://host" }, path},
		"no path but a slash":  {func(r *Request) { r.Repo = "https://host//" }, path},
		"a line break":         {func(r *Request) { r.Repo = "ssh://host/a%0Ab" }, path},
		"a NUL":                {func(r *Request) { r.Repo = "https://host/a%00b" }, path},
		"a password":           {func(r *Request) { r.Repo = "https://bob:hunter2@host/x" }, secret},
		"a token":              {func(r *Request) { r.Repo = "https://hunter2@host/x" }, secret},
		"a password for ssh":   {func(r *Request) { r.Repo = "ssh://bob:hunter2@host/x" }, secret},
		"a query":              {func(r *Request) { r.Repo = "https://host/x?token=hunter2" }, query},
		"a fragment":           {func(r *Request) { r.Repo = "https://host/x#main" }, query},
		"no ref":               {func(r *Request) { r.Ref = "" }, https + `: the ref "" must be HEAD, a branch, a tag or a full commit hash`},
		"a ref of two lines":   {func(r *Request) { r.Ref = "a\nwant b" }, https + `: the ref "a\nwant b" must not contain a space or any of ~ ^ : ? * [ \`},
		"a revision":           {func(r *Request) { r.Ref = "main~1" }, https + `: the ref "main~1" must not contain a space or any of ~ ^ : ? * [ \`},
		"a pattern":            {func(r *Request) { r.Ref = "ma*" }, https + `: the ref "ma*" must not contain a space or any of ~ ^ : ? * [ \`},
		"an option of git":     {func(r *Request) { r.Ref = "--upload-pack=id" }, https + `: the ref "--upload-pack=id" must not begin with '-'`},
		"a loud hash of 64":    {func(r *Request) { r.Ref = strings.Repeat("A", 64) }, https + ": the ref is a SHA-256 hash, and only repositories with SHA-1 hashes (40 digits) can be read"},
		"a hash of 64 digits":  {func(r *Request) { r.Ref = strings.Repeat("a", 64) }, https + ": the ref is a SHA-256 hash, and only repositories with SHA-1 hashes (40 digits) can be read"},
		"no depth":             {func(r *Request) { r.Depth = 0 }, https + ": the depth is 0 and must be at least 1"},
		"no bytes":             {func(r *Request) { r.MaxBytes = 0 }, https + ": the budgets are 0 bytes and 1 files and must be from 1 to 1125899906842624"},
		"all the bytes":        {func(r *Request) { r.MaxBytes = 1 << 62 }, https + ": the budgets are 4611686018427387904 bytes and 1 files and must be from 1 to 1125899906842624"},
		"no files":             {func(r *Request) { r.MaxFiles = -1 }, https + ": the budgets are 1 bytes and -1 files and must be from 1 to 1125899906842624"},
		"other credentials":    {func(r *Request) { r.Auth = "bearer" }, https + `: the kind of credentials is "bearer" and must be basic, ssh or github-app, or empty for none`},
		"ssh without a key":    {func(r *Request) { r.Repo = "ssh://h/x" }, "ssh://h/x: ssh needs a key and known_hosts; name a Secret of type kubernetes.io/ssh-auth"},
		"https with a key":     {func(r *Request) { r.Auth = AuthSSH }, https + ": https cannot use an ssh key; name a Secret of type kubernetes.io/basic-auth, or use an ssh:// URL"},
		"http with an App":     {func(r *Request) { r.Repo, r.Auth = "http://h/x", AuthGitHubApp }, "http://h/x: http would send the credentials in clear text; use an https URL"},
		"ssh with an App":      {func(r *Request) { r.Repo, r.Auth = "ssh://h/x", AuthGitHubApp }, "ssh://h/x: ssh needs a key and known_hosts; name a Secret of type kubernetes.io/ssh-auth"},
		"http with a password": {func(r *Request) { r.Repo, r.Auth = "http://h/x", AuthBasic }, "http://h/x: http would send the credentials in clear text; use an https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := good
			c.change(&r)
			_, err := fetch(t.Context(), r, testTimeouts)
			if diff := cmp.Diff(&Error{Reason: Misconfigured, Message: c.want}, err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheAddressOfARepository(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]string{
		"https://GitHub.com/x":    "github.com:443",
		"http://host/x":           "host:80",
		"ssh://git@host/x":        "host:22",
		"ssh://git@[::1]:2222/x":  "[::1]:2222",
		"https://host:8443/x/y/z": "host:8443",
	} {
		e, err := parseRepo(repo)
		if err != nil || e.address() != want {
			t.Errorf("%s is at %s (%v), want %s", repo, e.address(), err, want)
		}
	}
}
