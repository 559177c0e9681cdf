// SPDX-License-Identifier: Apache-2.0

package option

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// RepositoryURL is a repository URL taken apart. Policy compares the parts and the helper
// gets String: the two can never read the same text differently.
type RepositoryURL struct {
	Scheme string // https, http or ssh
	User   string // ssh only
	Host   string // lower case, without brackets
	Port   string // always set
	Path   string // begins with "/", canonical percent-encoding
	IP     bool   // Host is an IP address
}

// RepositoryOf is the URL of a value of the kind [Repository]; nil of any other.
func RepositoryOf(v Value) *RepositoryURL {
	u, _ := v.Data.(*RepositoryURL)
	return u
}

var (
	sshUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	scpLike = regexp.MustCompile(`^([A-Za-z0-9_.-]+@)?([A-Za-z0-9.-]+):(.*)$`)
)

// schemes are what may stand before a colon without being a host.
var schemes = []string{"https", "http", "ssh", "git", "file", "ftp", "ext", "fd"}

// defaultPort is the port that a URL without one means.
var defaultPort = map[string]string{"https": "443", "http": "80", "ssh": "22"}

// String is the canonical form. A default port is left out.
func (u *RepositoryURL) String() string { return u.Root() + u.Path }

// Root is the canonical form without the path.
func (u *RepositoryURL) Root() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port != defaultPort[u.Scheme] {
		host += ":" + u.Port
	}
	if u.User != "" {
		host = u.User + "@" + host
	}
	return u.Scheme + "://" + host
}

// parseRepo takes a repository URL apart and denies whatever git, curl, ssh and
// this code might read in different ways (research: CVE-2017-1000117, CVE-2021-40330,
// CVE-2025-48384 and their kin all began with such a URL). No error message repeats a
// part of the URL that could be a credential.
func parseRepo(text string) (Value, error) {
	if !strings.Contains(text, "://") {
		return Value{}, notAURL(text)
	}
	u, err := url.Parse(text)
	if err != nil {
		if rest, ssh := strings.CutPrefix(text, "ssh://"); ssh && scpLike.MatchString(rest) { // both ways at once, as it is often copied
			return Value{}, notAURL(rest)
		}
		return Value{}, errors.New("must be a URL, such as https://github.com/acme/site.git")
	}
	if defaultPort[u.Scheme] == "" {
		return Value{}, fmt.Errorf("has the scheme %q; use https://, or ssh:// with a key", u.Scheme)
	}
	r := &RepositoryURL{Scheme: u.Scheme}
	if r.User, err = repoUser(u); err != nil {
		return Value{}, err
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#") {
		return Value{}, errors.New("must not have a query or a fragment; a branch goes into the option ref, a directory into subdir")
	}
	if r.Host, r.IP, err = repoHost(u); err != nil {
		return Value{}, err
	}
	if r.Port, err = repoPort(u); err != nil {
		return Value{}, err
	}
	if err := aPage(u); err != nil {
		return Value{}, err
	}
	if r.Path, err = repoPath(u); err != nil {
		return Value{}, err
	}
	return Value{Text: r.String(), Data: r}, nil
}

// pages are how the servers write the address of a page about a directory of a repository: what
// stands between the repository and the ref, and the one host that means it, or "" for all.
var pages = []struct{ host, between string }{
	{"", "/-/tree/"},
	{"", "/-/blob/"}, // GitLab
	{"", "/src/branch/"},
	{"", "/src/tag/"},
	{"", "/src/commit/"}, // Gitea, Forgejo
	{"github.com", "/tree/"},
	{"github.com", "/blob/"},
	{"bitbucket.org", "/src/"},
}

// aPage leads from the address of a page, as it is copied from a browser, to the repository.
func aPage(u *url.URL) error {
	for _, p := range pages {
		repo, rest, found := strings.Cut(u.EscapedPath(), p.between)
		if !found || p.host != "" && u.Hostname() != p.host || strings.Count(repo, "/") < 2 || rest == "" || u.Scheme == "ssh" {
			continue
		}
		ref, directory, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
		right := *u
		right.Path, right.RawPath = repo, ""
		text := fmt.Sprintf("is the address of a page; write %q, with %q in the option ref", right.String(), ref)
		if directory != "" && !strings.Contains(p.between, "blob") {
			text += fmt.Sprintf(" and %q in subdir", directory)
		}
		return errors.New(text)
	}
	return nil
}

// withoutScheme is what a browser shows of an address: a host with a dot, and a path.
var withoutScheme = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(:[0-9]+)?/[A-Za-z0-9._~/-]+$`)

// notAURL explains the usual other ways to name a repository.
func notAURL(text string) error {
	if withoutScheme.MatchString(text) {
		return fmt.Errorf("must be a URL: write %q", "https://"+text)
	}
	// What holds an @ behind the colon is user:password@host, not host:path; and a user
	// other than git may be a token.
	m := scpLike.FindStringSubmatch(text)
	if m != nil && m[3] != "" && !strings.ContainsAny(m[3], `:@?#%\`) && len(m[2]) > 1 && !slices.Contains(schemes, m[2]) {
		if m[1] != "" && m[1] != "git@" {
			m[1] = "USER@"
		}
		return fmt.Errorf("must be a URL: write %q", "ssh://"+m[1]+m[2]+"/"+strings.TrimPrefix(m[3], "/"))
	}
	return errors.New("must be a URL, such as https://github.com/acme/site.git; a local path cannot be polled")
}

func repoUser(u *url.URL) (string, error) {
	if u.User == nil {
		return "", nil
	}
	if _, has := u.User.Password(); has || u.Scheme != "ssh" {
		return "", errors.New("must not contain credentials (what stands before the @): name a Secret in the option secret instead")
	}
	name := u.User.Username()
	if !sshUser.MatchString(name) || u.User.String() != name {
		return "", errors.New("has a user name that ssh cannot take; only letters, digits, '_', '-' and '.' are allowed")
	}
	return name, nil
}

func repoHost(u *url.URL) (host string, ip bool, err error) {
	host = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "" {
		return "", false, errors.New("has no host; write it as https://host/path")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", false, errors.New("must not have an IPv6 zone")
		}
		return addr.Unmap().String(), true, nil
	}
	if strings.Contains(u.Host, "[") || len(validation.IsDNS1123Subdomain(host)) > 0 {
		return "", false, fmt.Errorf("has the host %q, which is neither a DNS name nor an IP address", host)
	}
	// 0x7f.1, 127.1 and 2130706433 are addresses to getaddrinfo and names to others.
	last := host[strings.LastIndex(host, ".")+1:]
	if digits(last) || strings.HasPrefix(last, "0x") {
		return "", false, fmt.Errorf("has the host %q, which some programs take for an IP address and some for a name", host)
	}
	return host, false, nil
}

func repoPort(u *url.URL) (string, error) {
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return "", errors.New("has a colon but no port behind the host")
		}
		return defaultPort[u.Scheme], nil
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("has the port %q; a port is a number from 1 to 65535", u.Port())
	}
	return strconv.FormatUint(n, 10), nil
}

// repoPath checks the escaped path and brings it into canonical form: only what has
// to be percent-encoded stays so, in upper case.
func repoPath(u *url.URL) (string, error) {
	// RawPath is set to what was written where that is not how net/url would write it;
	// EscapedPath alone would encode in silence what has to be denied.
	raw := cmp.Or(u.RawPath, u.EscapedPath())
	if strings.Trim(raw, "/") == "" {
		return "", errors.New("has no path behind the host; write it as https://host/path")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return !plainInPath(r) && r != '%' && r != '/' }) {
		return "", errors.New(`has a character in its path that must be percent-encoded; letters, digits and -._~+@:,=/ can stand as they are`)
	}
	var out strings.Builder
	for segment := range strings.SplitSeq(strings.TrimSuffix(raw[1:], "/"), "/") {
		plain, err := url.PathUnescape(segment)
		switch {
		case err != nil:
			return "", errors.New("has a '%' in its path that two hexadecimal digits do not follow")
		case plain == "" || plain == "." || plain == "..":
			return "", errors.New(`has an empty, "." or ".." segment in its path; write the path out`)
		case strings.Contains(plain, " ") && strings.Trim(plain, ". ") == "":
			return "", errors.New(`has a segment of dots and spaces in its path, which some servers take for "." or ".."`)
		case slices.ContainsFunc(overlong, func(bytes string) bool { return strings.Contains(plain, bytes) }):
			return "", errors.New("has an ASCII character in its path that is percent-encoded in more than one byte, in which some servers read a dot or a slash")
		case strings.Contains(plain, "%"):
			return "", errors.New("has a percent-encoded '%' in its path, which some servers decode a second time, and so read another path than the policy does")
		case strings.HasPrefix(plain, "-"):
			return "", errors.New("has a path segment that begins with '-', which git and ssh take for an option")
		case strings.ContainsFunc(plain, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '/' || r == '\\' }):
			return "", errors.New("has a percent-encoded control character, slash or backslash in its path")
		}
		out.WriteString("/" + escapeSegment(plain))
	}
	return out.String(), nil
}

// overlong is what the forms of ASCII characters in two to four bytes begin with, which are no
// UTF-8 and which lenient decoders take for the character.
var overlong = []string{"\xc0", "\xc1", "\xe0\x80", "\xe0\x81", "\xf0\x80"}

// plainInPath reports whether a character stands for itself in a path.
func plainInPath(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+@:,=", r)
}

// escapeSegment percent-encodes all that does not stand for itself.
func escapeSegment(plain string) string {
	if !strings.ContainsFunc(plain, func(r rune) bool { return !plainInPath(r) }) {
		return plain
	}
	var out strings.Builder
	for i := range len(plain) {
		if c := plain[i]; plainInPath(rune(c)) {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
