// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Repository is the URL of a git repository: https, http or ssh.
var Repository = Kind{
	Name: "repository URL", Parse: parseRepo, Redact: WithoutCredentials,
	Pattern: func(text string) (Pattern, error) { return compileRepoPattern(text) },
	Unlisted: func(v Value) string {
		if u := RepositoryOf(v); u != nil && u.IP {
			return "an IP address has to be named literally"
		}
		return ""
	},
}

// repoPattern has a glob for each part of a repository URL. A "*" in one part can never
// reach into another: https://github.com/* allows every path on that host and nothing on
// https://github.com.evil.example/.
type repoPattern struct{ text, scheme, user, host, port, path string }

func (p *repoPattern) String() string { return p.text }

// Matches compares a URL part by part.
func (p *repoPattern) Matches(v Value) bool {
	u := RepositoryOf(v)
	if u == nil || u.Scheme != p.scheme || u.User != p.user && p.user != "*" {
		return false
	}
	return p.covers(u) && glob(p.port, u.Port) && glob(p.path, u.Path)
}

// covers reports whether the pattern can mean repositories of a URL's host.
func (p *repoPattern) covers(u *RepositoryURL) bool {
	// An address is never meant by a pattern of names: a node's metadata service
	// (169.254.169.254) has to be named literally to be reached.
	return glob(p.host, u.Host) && (!u.IP || u.Host == p.host)
}

// OnHostOf reports whether a pattern of a [Repository] can mean repositories of a URL's host that
// are reached as it is: over http or https, or over ssh.
func OnHostOf(pattern Pattern, u *RepositoryURL) bool {
	p, ok := pattern.(*repoPattern)
	return ok && p.covers(u) && (p.scheme == "ssh") == (u.Scheme == "ssh")
}

// AllOnHostOf reports whether a pattern of a [Repository] means every repository that a server on
// the host and port of a URL can redirect to.
func AllOnHostOf(pattern Pattern, u *RepositoryURL) bool {
	p, ok := pattern.(*repoPattern)
	return ok && p.scheme == u.Scheme && u.Scheme == "https" && p.covers(u) && glob(p.port, u.Port) && p.path == "/*"
}

// ForeignHosts says that a pattern of repositories matches hosts that belong to others than its
// author means, since a star in a host name also stands for dots; "" if it is not to be seen.
// public says of a domain that anybody can register names directly below it.
func ForeignHosts(pattern Pattern, public func(domain string) bool) string {
	p, is := pattern.(*repoPattern)
	if !is || !strings.Contains(p.host, "*") || p.host == "*" {
		return ""
	}
	suffix := p.host[strings.LastIndexByte(p.host, '*')+1:]
	switch {
	case suffix == "":
		return fmt.Sprintf("the host %s matches %s as well, which is somebody else's; write the host out to its end", p.host, strings.ReplaceAll(p.host, "*", "x.evil.test"))
	case suffix[0] != '.':
		return fmt.Sprintf("the host %s matches %s as well, which is somebody else's; write a dot behind the star, *.%s", p.host, strings.ReplaceAll(p.host, "*", "evil-"), suffix)
	case public(suffix[1:]):
		return fmt.Sprintf("the host %s matches %s as well, which is somebody else's; name your own domain below %s", p.host, strings.ReplaceAll(p.host, "*", "evil"), suffix[1:])
	}
	return ""
}

// AnyHost reports whether a pattern of repositories has a star in its host.
func AnyHost(pattern Pattern) bool {
	p, is := pattern.(*repoPattern)
	return is && strings.Contains(p.host, "*")
}

// compileRepoPattern reads scheme://[user@]host[:port][/path]. Without a port it is
// the scheme's own; without a path it is every path. What no URL in canonical form can
// match is denied: it would look like a permission and be none.
func compileRepoPattern(text string) (*repoPattern, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return nil, errors.New("must be a pattern of a URL, such as https://github.com/acme/*")
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	if strings.HasSuffix(rest, "/") {
		return nil, errors.New("must not end with '/', as no repository URL does; write /* for all below it")
	}
	if hasPath && !strings.Contains(text, "*") {
		v, err := parseRepo(text)
		if err != nil {
			return nil, err
		}
		u := RepositoryOf(v)
		return &repoPattern{text, u.Scheme, u.User, u.Host, u.Port, u.Path}, nil
	}
	p := &repoPattern{text: text, scheme: scheme, port: defaultPort[scheme], path: "/*"}
	if p.port == "" {
		return nil, fmt.Errorf("has the scheme %q; a pattern begins with https://, http:// or ssh://", scheme)
	}
	if hasPath {
		p.path = "/" + path
	}
	if strings.ContainsFunc(p.path, func(r rune) bool { return !plainInPath(r) && !strings.ContainsRune("%/*", r) }) {
		return nil, errors.New("has a path that no repository URL has: only letters, digits and -._~+@:,=/% and * may be in it")
	}
	if strings.Contains(p.path, "%25") {
		return nil, errors.New("has a percent-encoded '%' in its path, which no repository URL may have")
	}
	host, err := p.readUser(authority)
	if err != nil {
		return nil, err
	}
	return p, p.readHost(strings.ToLower(host))
}

// readUser takes the user off an authority.
func (p *repoPattern) readUser(authority string) (host string, err error) {
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return authority, nil
	}
	switch p.user = authority[:at]; {
	case p.scheme != "ssh":
		return "", errors.New("has a user name, which only ssh URLs have")
	case p.user != "*" && !sshUser.MatchString(p.user):
		return "", errors.New("has a user name that no URL has; it is a name, or * for any")
	}
	return authority[at+1:], nil
}

// readHost takes a host and an optional port apart.
func (p *repoPattern) readHost(host string) error {
	p.host = host
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		p.host, p.port = host[:colon], host[colon+1:]
		if n, err := strconv.ParseUint(p.port, 10, 16); p.port != "*" && (err != nil || n == 0 || strconv.FormatUint(n, 10) != p.port) {
			return fmt.Errorf("has the port %q; a port is a number from 1 to 65535, or *", p.port)
		}
	}
	if addr, err := netip.ParseAddr(strings.Trim(p.host, "[]")); err == nil {
		p.host = addr.Unmap().String()
		return nil
	}
	if p.host == "" {
		return errors.New("has no host; write * for any host")
	}
	if strings.HasSuffix(p.host, ".") || strings.Trim(p.host, "abcdefghijklmnopqrstuvwxyz0123456789.-*") != "" {
		return fmt.Errorf("has the host %q, which no URL has; a host is a DNS name or an IP address, and * stands for any run of letters in a name", p.host)
	}
	return nil
}
