// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/pillion-dev/pillion/internal/gitref"
)

// The kinds of credentials, as [Request.Auth] names them.
const (
	AuthNone      = ""
	AuthBasic     = "basic"
	AuthSSH       = "ssh"
	AuthGitHubApp = "github-app"
)

// Request says what to fetch, with which credentials, and where to put it.
type Request struct {
	// Repo is the repository's URL: https://, http:// or ssh://.
	Repo string `json:"repo"`
	// Ref is HEAD (the remote's default branch), a full commit hash, or a name that git's
	// own rules complete: v1 is refs/v1, or else refs/tags/v1, or else refs/heads/v1.
	Ref string `json:"ref"`
	// Depth is how many commits of history to ask for, at least 1. It matters only for
	// a hash that no ref points to: that is looked for among so many commits.
	Depth int `json:"depth"`
	// Subdir is the directory to publish, with slashes. Empty: all of the commit.
	Subdir string `json:"subdir,omitempty"`
	// Auth is how to use AuthDir: "", "basic", "ssh" or "github-app".
	Auth string `json:"auth,omitempty"`
	// AuthDir holds, for basic, the files password and (optional) username; for ssh,
	// ssh-privatekey and known_hosts; for github-app, githubAppID, githubAppInstallationID
	// and githubAppPrivateKey. They are read again by every call.
	AuthDir string `json:"authDir,omitempty"`
	// CAFile holds, as PEM, the authorities that may vouch for an https server, besides
	// those of ExtraCAFile; no others do. Empty: the system's.
	CAFile string `json:"caFile,omitempty"`
	// ExtraCAFile holds further authorities, as PEM. Empty: none.
	ExtraCAFile string `json:"extraCAFile,omitempty"`
	// Proxy is the URL of an HTTP proxy, http:// or https://, without credentials. Empty:
	// none.
	Proxy string `json:"proxy,omitempty"`
	// NoProxy lists, with commas, the hosts that are reached without Proxy: names, which
	// mean their subdomains too, addresses and CIDR blocks, each with or without a port, or
	// "*". Loopback addresses always are.
	NoProxy string `json:"noProxy,omitempty"`
	// ProxySSH makes ssh use Proxy as well, by CONNECT.
	ProxySSH bool `json:"proxySSH,omitempty"`
	// ProxyAuthDir holds the files username and password for Proxy. Empty: none.
	ProxyAuthDir string `json:"proxyAuthDir,omitempty"`
	// GitHubAPI is the URL of GitHub's REST API for github-app. Empty: that of Repo's host.
	GitHubAPI string `json:"gitHubAPI,omitempty"`
	// Redirects are patterns of URLs, such as https://git.acme.example/web/*: a redirect to
	// another repository of the same host is followed if one of them covers it. Empty:
	// it is followed without credentials.
	Redirects []string `json:"redirects,omitempty"`
	// SecretFor are patterns of URLs, as those of Redirects: behind a redirect, and for
	// submodules, the credentials are sent to what one of them covers. Empty: to every
	// repository of the host that Redirects and Submodules allow.
	SecretFor []string `json:"secretFor,omitempty"`
	// Submodules are patterns of URLs, as those of Redirects: submodules that come from there
	// are fetched, each without its own. Empty: they are empty directories.
	Submodules []string `json:"submodules,omitempty"`
	// Token is what the last call returned, for github-app. Nil: none.
	Token *Token `json:"token,omitempty"`
	// Have is the commit that is published now. If Ref still means it nothing is
	// fetched. Empty: none.
	Have string `json:"have,omitempty"`
	// Published is the directory in which the commit Have is published, and Kept the file
	// that was Dir/kept after it was fetched. With both, what they hold is not fetched
	// again. Nothing in them is trusted. Empty: all is fetched.
	Published string `json:"published,omitempty"`
	Kept      string `json:"kept,omitempty"`
	// Whole says to fetch all of the commit for one directory of it, even from a server that
	// can give out less.
	Whole bool `json:"whole,omitempty"`
	// Bad is a commit that an earlier poll has blamed (Error.Commit). If Ref still means
	// it nothing is fetched either. Empty: none.
	Bad string `json:"bad,omitempty"`
	// Keep says that the connection will be of use again soon.
	Keep bool `json:"keep,omitempty"`
	// Dir is an existing, empty, private directory. Fetch makes Dir/tree, the checkout,
	// and Dir/kept, a file for the request after this one.
	Dir string `json:"dir"`
	// MaxBytes is the budget for the pack and, separately, for the checkout: what it
	// takes of the volume, where no file, link or directory is smaller than 4096 bytes.
	MaxBytes int64 `json:"maxBytes"`
	// MaxFiles is the budget for the files, links and directories of the checkout.
	MaxFiles int `json:"maxFiles"`
}

// Result is what a poll found.
type Result struct {
	// Commit is what Ref means now, as 40 hexadecimal digits.
	Commit string `json:"commit"`
	// Changed is false if Commit is one that the request names, as published or as bad;
	// the rest is then zero.
	Changed bool `json:"changed"`
	// Files counts the files and links of Dir/tree.
	Files int `json:"files"`
	// Bytes is the size of all files of Dir/tree together.
	Bytes int64 `json:"bytes"`
	// Received is the size of what was fetched, in bytes.
	Received int64 `json:"received"`
	// Misfit says why all of the commit was fetched, although something was published
	// to build upon. Empty: it was not, or nothing was.
	Misfit string `json:"misfit,omitempty"`
	// LFSPointers counts the files that are pointers of git LFS: their content is
	// elsewhere, and is not fetched.
	LFSPointers int `json:"lfsPointers"`
	// Submodules counts the directories that are empty because another repository has
	// their content.
	Submodules int `json:"submodules"`
	// Token is for the next call, also beside an error. It is a secret.
	Token *Token `json:"token,omitempty"`
}

var (
	hash40 = regexp.MustCompile(`^[0-9a-f]{40}$`)
	hash64 = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

var defaultPort = map[string]string{"https": "443", "http": "80", "ssh": "22"}

// endpoint is a repository's URL taken apart and found sound.
type endpoint struct {
	*url.URL
}

// address is host:port, in lower case.
func (e endpoint) address() string { return addressOf(e.URL) }

func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPort[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// parseRepo checks again what the webhook has checked: this is the code that would
// do harm. Its errors repeat no part of the URL, which may hold a credential.
func parseRepo(text string) (endpoint, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return endpoint{}, failf(Misconfigured, "the repository must be a URL such as https://github.com/acme/site.git")
	case defaultPort[u.Scheme] == "":
		return endpoint{}, failf(Misconfigured, "the repository's URL must begin with https://, http:// or ssh://")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return endpoint{}, failf(Misconfigured, "the repository's URL must not have a query or a fragment")
	case strings.Trim(u.Path, "/") == "" || strings.ContainsFunc(u.Path, isControl):
		return endpoint{}, failf(Misconfigured, "the repository's URL must have a path, without control characters")
	}
	if u.User != nil {
		if _, has := u.User.Password(); has || u.Scheme != "ssh" {
			return endpoint{}, failf(Misconfigured, "the repository's URL must not contain credentials; they belong in a Secret")
		}
	}
	return endpoint{u}, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// maxBudget is beyond all disks, and leaves room to compute.
const maxBudget = 1 << 50

// check finds what can be found wrong without reading any file or asking a server.
func (r *Request) check(e endpoint) error {
	_, err := gitref.Parse(r.Ref)
	switch {
	case err != nil:
		return failf(Misconfigured, "the ref %s %v", foreign(r.Ref), err)
	case gitref.IsSHA256(r.Ref):
		return failf(Misconfigured, "the ref is a SHA-256 hash, and only repositories with SHA-1 hashes (40 digits) can be read")
	case r.Depth < 1:
		return failf(Misconfigured, "the depth is %d and must be at least 1", r.Depth)
	case r.MaxBytes < 1 || r.MaxFiles < 1 || r.MaxBytes > maxBudget:
		return failf(Misconfigured, "the budgets are %d bytes and %d files and must be from 1 to %d", r.MaxBytes, r.MaxFiles, int64(maxBudget))
	case r.Auth != AuthNone && r.Auth != AuthBasic && r.Auth != AuthSSH && r.Auth != AuthGitHubApp:
		return failf(Misconfigured, "the kind of credentials is %s and must be basic, ssh or github-app, or empty for none", foreign(r.Auth))
	case e.Scheme == "ssh" && r.Auth != AuthSSH:
		return failf(Misconfigured, "ssh needs a key and known_hosts; name a Secret of type kubernetes.io/ssh-auth")
	case e.Scheme == "https" && r.Auth == AuthSSH:
		return failf(Misconfigured, "https cannot use an ssh key; name a Secret of type kubernetes.io/basic-auth, or use an ssh:// URL")
	case e.Scheme == "http" && r.Auth != AuthNone:
		return failf(Misconfigured, "http would send the credentials in clear text; use an https URL")
	}
	return nil
}
