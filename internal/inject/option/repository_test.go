// SPDX-License-Identifier: Apache-2.0

package option

import (
	"strings"
	"testing"
)

// What denials of a repository URL say (research: T20, T21).
const (
	notURL       = "must be a URL, such as https://github.com/acme/site.git"
	notLocal     = notURL + "; a local path cannot be polled"
	noHost       = "has no host; write it as https://host/path"
	noPath       = "has no path behind the host; write it as https://host/path"
	noQuery      = "must not have a query or a fragment; a branch goes into the option ref, a directory into subdir"
	noCredential = "must not contain credentials (what stands before the @): name a Secret in the option secret instead"
	noSSHUser    = "has a user name that ssh cannot take; only letters, digits, '_', '-' and '.' are allowed"
	noSegment    = `has an empty, "." or ".." segment in its path; write the path out`
	noDots       = `has a segment of dots and spaces in its path, which some servers take for "." or ".."`
	noUTF8       = "has an ASCII character in its path that is percent-encoded in more than one byte, in which some servers read a dot or a slash"
	noOption     = "has a path segment that begins with '-', which git and ssh take for an option"
	noEncoded    = "has a percent-encoded control character, slash or backslash in its path"
	encodeIt     = "has a character in its path that must be percent-encoded; letters, digits and -._~+@:,=/ can stand as they are"
)

func otherScheme(s string) string {
	return `has the scheme "` + s + `"; use https://, or ssh:// with a key`
}

func TestARepositoryURLGetsItsCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, url, want string }{
		{"a plain URL stays as it is", "https://github.com/acme/site.git", "https://github.com/acme/site.git"},
		{"the scheme becomes lower case", "HTTPS://github.com/a", "https://github.com/a"},
		{"the host becomes lower case, the path does not", "https://GitHub.COM/Acme/Site.git", "https://github.com/Acme/Site.git"},
		{"the user name of ssh keeps its case", "ssh://Git@Host.example/a", "ssh://Git@host.example/a"},
		{"the dot that ends a full name goes", "https://github.com./a", "https://github.com/a"},
		{"the slash that ends a path goes", "https://github.com/acme/site/", "https://github.com/acme/site"},
		{"the port of https goes", "https://github.com:443/a", "https://github.com/a"},
		{"the port of https with a zero in front goes", "https://github.com:0443/a", "https://github.com/a"},
		{"the port of http goes", "http://github.com:80/a", "http://github.com/a"},
		{"the port of ssh goes", "ssh://git@github.com:22/a", "ssh://git@github.com/a"},
		{"another port stays", "https://github.com:8443/a", "https://github.com:8443/a"},
		{"the highest port stays", "https://github.com:65535/a", "https://github.com:65535/a"},
		{"the port of another scheme stays", "http://github.com:443/a", "http://github.com:443/a"},
		{"ssh needs no user", "ssh://github.com/a", "ssh://github.com/a"},
		{"an encoded user name is decoded", "ssh://g%69t@github.com/a", "ssh://git@github.com/a"},
		{"a home directory on the server is a path", "ssh://git@host.example/~deploy/site", "ssh://git@host.example/~deploy/site"},
		{"a needless percent-encoding goes", "https://github.com/%41cme/s%2Dite", "https://github.com/Acme/s-ite"},
		{"a needed percent-encoding is in upper case", "https://github.com/caf%c3%a9", "https://github.com/caf%C3%A9"},
		{"an encoded space stays", "https://dev.example/My%20Project/_git/x", "https://dev.example/My%20Project/_git/x"},
		{"an encoded question mark does not begin a query", "https://github.com/a%3Fb", "https://github.com/a%3Fb"},
		{"an encoded dollar stays encoded", "https://github.com/a%24%28HOME%29", "https://github.com/a%24%28HOME%29"},
		{"bytes that are no UTF-8 stay encoded", "https://github.com/a%ff", "https://github.com/a%FF"},
		{"all that may stand as it is does", "https://github.com/a:b,c=d+e~f._-@g", "https://github.com/a:b,c=d+e~f._-@g"},
		{"dots that are not a segment stay", "https://github.com/..a/b../...", "https://github.com/..a/b../..."},
		{"a host of one word is a name", "https://LOCALHOST/a", "https://localhost/a"},
		{"an encoded IDN host is a name", "https://xn--mnchen-3ya.example/a", "https://xn--mnchen-3ya.example/a"},
		{"a label of digits is a name if it is not the last one", "https://127.0.0.1.example/a", "https://127.0.0.1.example/a"},
		{"a hexadecimal label is a name if it is not the last one", "https://0x7f.example/a", "https://0x7f.example/a"},
		{"an IPv4 address", "https://169.254.169.254/a", "https://169.254.169.254/a"},
		{"an IPv4 address with the dot of a full name", "https://10.0.0.1./a", "https://10.0.0.1/a"},
		{"an IPv6 address", "https://[::1]/a", "https://[::1]/a"},
		{"an IPv6 address with the port of the scheme", "ssh://git@[::1]:22/a", "ssh://git@[::1]/a"},
		{"an IPv6 address with another port", "https://[fd00:ec2::254]:8443/a", "https://[fd00:ec2::254]:8443/a"},
		{"an IPv6 address is shortened", "https://[FD00:0EC2:0:0:0:0:0:254]/a", "https://[fd00:ec2::254]/a"},
		{"an IPv4 address in IPv6 clothes is unmasked", "https://[::ffff:169.254.169.254]/a", "https://169.254.169.254/a"},
		{"an IPv4 address in hexadecimal IPv6 clothes is unmasked", "https://[::FFFF:a9fe:a9fe]/a", "https://169.254.169.254/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, problem := parseOne(t, "repo", tt.url)
			if problem != "" || v.Text != tt.want {
				t.Fatalf("got %q, %s; want %q", v.Text, problem, tt.want)
			}
			if again, problem := parseOne(t, "repo", v.Text); problem != "" || again.Text != v.Text || *RepositoryOf(again) != *RepositoryOf(v) {
				t.Errorf("the canonical form is not its own canonical form: got %q, %s", again.Text, problem)
			}
		})
	}
}

func TestAHostileRepositoryURLIsDenied(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, url, want string }{
		{"ext runs a command", "ext::sh -c touch% /tmp/x", notLocal},
		{"ext with a URL behind it", "ext::https://github.com/a", otherScheme("ext")},
		{"fd reads a descriptor", "fd::17", notLocal},
		{"fd with a path", "fd::17/foo", notLocal},
		{"file is the node's disk", "file:///etc/passwd", otherScheme("file")},
		{"file with a host", "file://host.example/etc/passwd", otherScheme("file")},
		{"an absolute path", "/etc/passwd", notLocal},
		{"a relative path", "./site", notLocal},
		{"a path to the parent", "../site", notLocal},
		{"a path from home", "~/site", notLocal},
		{"an encoded percent sign", "https://github.com/a%2541", "has a percent-encoded '%' in its path, which some servers decode a second time, and so read another path than the policy does"},
		{"a page of GitHub", "https://github.com/acme/site/tree/main/docs/en", `is the address of a page; write "https://github.com/acme/site", with "main" in the option ref and "docs/en" in subdir`},
		{"a page of GitHub about a branch", "https://github.com/acme/site/tree/v1.2", `is the address of a page; write "https://github.com/acme/site", with "v1.2" in the option ref`},
		{"a file of GitHub", "https://github.com/acme/site/blob/main/README.md", `is the address of a page; write "https://github.com/acme/site", with "main" in the option ref`},
		{"a page of GitLab", "https://gitlab.acme.example/a/b/site/-/tree/main/docs", `is the address of a page; write "https://gitlab.acme.example/a/b/site", with "main" in the option ref and "docs" in subdir`},
		{"a page of Gitea", "https://git.acme.example/acme/site/src/branch/main/docs", `is the address of a page; write "https://git.acme.example/acme/site", with "main" in the option ref and "docs" in subdir`},
		{"a host and a path without a scheme", "github.com/acme/site", `must be a URL: write "https://github.com/acme/site"`},
		{"a URL without a scheme", "//github.com/acme/site", notLocal},
		{"an option of git", "-upload-pack=touch /tmp/x", notLocal},
		{"an option of git that looks like a URL", "--upload-pack=x://y/z", notURL},
		{"the plain git protocol", "git://github.com/a", otherScheme("git")},
		{"a compound scheme", "git+ssh://git@github.com/a", otherScheme("git+ssh")},
		{"ftp", "ftp://github.com/a", otherScheme("ftp")},
		{"javascript", "javascript://github.com/a", otherScheme("javascript")},
		{"no scheme before the slashes", "://github.com/a", notURL},
		{"a scheme that begins with a digit", "1http://github.com/a", notURL},

		{"scp-like with a user is rewritten", "git@github.com:acme/site.git", `must be a URL: write "ssh://git@github.com/acme/site.git"`},
		{"scp-like without a user is rewritten", "github.com:acme/site.git", `must be a URL: write "ssh://github.com/acme/site.git"`},
		{"scp-like with an absolute path is rewritten", "git@host.example:/srv/git/site.git", `must be a URL: write "ssh://git@host.example/srv/git/site.git"`},
		{"scp-like with a scheme is rewritten", "ssh://git@github.com:acme/site.git", `must be a URL: write "ssh://git@github.com/acme/site.git"`},
		{"scp-like with a scheme and a token", "ssh://token@github.com:acme/site.git", `must be a URL: write "ssh://USER@github.com/acme/site.git"`},
		{"scp-like with a host of two letters is rewritten", "db:site", `must be a URL: write "ssh://db/site"`},
		{"a drive and a path", "C:/site", notLocal},

		{"no host", "https:///a", noHost},
		{"a port and no host", "https://:443/a", noHost},
		{"only a dot as the host", "https://./a", noHost},
		{"no path", "https://github.com", noPath},
		{"a slash is no path", "https://github.com/", noPath},
		{"two slashes are no path", "https://github.com//", noPath},
		{"a path without a host in front", "https:a://b", noHost},

		{"a user name before an https host", "https://user@github.com/a", noCredential},
		{"a password before an https host", "https://user:hunter2@github.com/a", noCredential},
		{"an empty user name before an https host", "https://@github.com/a", noCredential},
		{"another host before the @", "https://github.com@evil.example/a", noCredential},
		{"a password before an ssh host", "ssh://git:hunter2@github.com/a", noCredential},
		{"an empty password before an ssh host", "ssh://git:@github.com/a", noCredential},
		{"an empty user name before an ssh host", "ssh://@github.com/a", noSSHUser},
		{"an option of ssh as the user", "ssh://-oProxyCommand=x@github.com/a", noSSHUser},
		{"an encoded line break in the user", "ssh://git%0a@github.com/a", noSSHUser},
		{"an encoded space in the user", "ssh://gi%20t@github.com/a", noSSHUser},
		{"an encoded @ in the user", "ssh://git%40evil.example@github.com/a", noSSHUser},

		{"an empty segment at the beginning", "https://github.com//a", noSegment},
		{"an empty segment inside", "https://github.com/a//b", noSegment},
		{"an empty segment at the end", "https://github.com/a//", noSegment},
		{"a segment of one dot", "https://github.com/./a", noSegment},
		{"a segment of two dots", "https://github.com/a/../b", noSegment},
		{"two dots and a space, which Windows takes off", "https://github.com/a/..%20/b", noDots},
		{"a dot in too many bytes of UTF-8", "https://github.com/a/%C0%AE%C0%AE/b", noUTF8},
		{"a dot in three bytes", "https://github.com/a/%e0%80%ae%e0%80%ae/b", noUTF8},
		{"a slash in too many bytes of UTF-8", "https://github.com/a/x%c0%afb", noUTF8},
		{"a path that is two dots", "https://github.com/..", noSegment},
		{"encoded dots", "https://github.com/a/%2e%2E/b", noSegment},
		{"one encoded dot of two", "https://github.com/a/.%2e/b", noSegment},
		{"a segment that looks like an option", "https://github.com/-a", noOption},
		{"an encoded minus that looks like an option", "https://github.com/a/%2dupload-pack", noOption},
		{"an encoded slash", "https://github.com/a%2fb", noEncoded},
		{"an encoded slash in upper case", "https://github.com/..%2Fb", noEncoded},
		{"an encoded backslash", "https://github.com/a%5cb", noEncoded},
		{"an encoded NUL", "https://github.com/a%00b", noEncoded},
		{"an encoded line feed", "https://github.com/a%0ab", noEncoded},
		{"an encoded carriage return", "https://github.com/a%0D", noEncoded},
		{"an encoded tab", "https://github.com/a%09b", noEncoded},
		{"an encoded escape", "https://github.com/a%1b%5B31m", noEncoded},
		{"an encoded delete", "https://github.com/a%7f", noEncoded},
		{"a dollar", "https://github.com/a$(HOME)", encodeIt},
		{"a semicolon", "https://github.com/a;b", encodeIt},
		{"an ampersand", "https://github.com/a&b", encodeIt},
		{"an exclamation mark", "https://github.com/a!b", encodeIt},
		{"a star", "https://github.com/a*", encodeIt},
		{"an apostrophe", "https://github.com/a'b", encodeIt},
		{"a parenthesis", "https://github.com/a(b", encodeIt},
		{"a bracket", "https://github.com/a[b]", encodeIt},
		{"a semicolon before an @ in the path", "https://github.com/a;b/c", encodeIt},

		{"a query", "https://github.com/a?ref=main", noQuery},
		{"an empty query", "https://github.com/a?", noQuery},
		{"a fragment", "https://github.com/a#main", noQuery},
		{"an empty fragment", "https://github.com/a#", noQuery},
		{"a query and a fragment", "https://github.com/a?b#c", noQuery},
		{"a query instead of a path", "https://github.com?a", noQuery},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := parseOne(t, "repo", tt.url)
			if want := wrong(WithoutCredentials(tt.url), tt.want); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestNoDenialRepeatsACredential(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, tt := range []struct{ name, url, shown string }{
		{"a password", "https://user:hunter2@github.com/a", "https://…@github.com/a"},
		{"a token as the user name", "https://hunter2@github.com/a", "https://…@github.com/a"},
		{"a token as the user name and nothing as the password", "https://hunter2:@github.com/a", "https://…@github.com/a"},
		{"a password with an @", "https://user:hunter2@x@github.com/a", "https://…@github.com/a"},
		{"a password that is not encoded", "https://user:hunter2%zz@github.com/a", "https://…@github.com/a"},
		{"a password with a slash", "https://user:x/hunter2@github.com/a", "https://…@github.com/a"},
		{"a password with a question mark", "https://user:?hunter2@github.com/a", "https://…"},
		{"a password with a hash", "https://user:#hunter2@github.com/a", "https://…"},
		{"a password with a space", "https://user:hunter2 x@github.com/a", "https://…@github.com/a"},
		{"a password with a line break", "https://user:hunter2\n@github.com/a", "https://…@github.com/a"},
		{"a line break behind the URL", "https://user:hunter2@github.com/a\n", "https://…@github.com/a\n"},
		{"a password and a port that is none", "https://user:hunter2@github.com:port/a", "https://…@github.com:port/a"},
		{"a password and a host that is none", "https://user:hunter2@git_hub/a", "https://…@git_hub/a"},
		{"a password for ssh", "ssh://git:hunter2@github.com/a", "ssh://…@github.com/a"},
		{"a password for a scheme that is not taken", "ftp://user:hunter2@github.com/a", "ftp://…@github.com/a"},
		{"a password for no scheme", "//user:hunter2@github.com/a", "…@github.com/a"},
		{"a password for git's own helper syntax", "ext::https://user:hunter2@github.com/a", "ext::https://…@github.com/a"},
		{"a token in the query", "https://github.com/a?token=hunter2", "https://github.com/a?…"},
		{"a token in the fragment", "https://github.com/a#hunter2", "https://github.com/a#…"},
		{"a token with an @ in the query", "https://github.com/a?token=x@hunter2", "https://…"},
		{"a password in front of a path as scp has it", "git:hunter2@github.com/a", "…@github.com/a"},
		{"a password behind one slash", "https:/user:hunter2@github.com/a", "…@github.com/a"},
		{"two URLs", "https://user:hunter2@a.example/b https://user:hunter2@c.example/d", "https://…@c.example/d"},
		{"a URL that is too long to be shown", "https://user:hunter2@github.com/" + strings.Repeat("a", 2048), "https://…@github.com/" + strings.Repeat("a", 105) + "… (2071 bytes)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := parseOne(t, "repo", tt.url)
			if strings.Contains(got, secret) {
				t.Errorf("the credential is repeated: %s", got)
			}
			if head := wrong(tt.shown, ""); !strings.HasPrefix(got, head) {
				t.Errorf("got  %s\nwant %s…", got, head)
			}
		})
	}
}
