// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Pattern is one entry of a policy's allow list: a literal, or a glob in which "*"
// stands for any run of characters. A pattern always covers the whole value.
//
// Repository URLs are compared part by part, so that a "*" in one part can never
// reach into another: https://github.com/* allows every path on that host and
// nothing on https://github.com.evil.example/.
type Pattern struct {
	text string
	repo *repoPattern
}

// repoPattern has a glob for each part of a repository URL.
type repoPattern struct{ scheme, user, host, port, path string }

func compilePattern(o *Option, text string) (Pattern, error) {
	if err := plainText(text); err != nil {
		return Pattern{}, err
	}
	if o.Kind == KindRepo {
		r, err := compileRepoPattern(text)
		return Pattern{text: text, repo: r}, err
	}
	if o.Kind == KindContainers && strings.Contains(text, ",") {
		return Pattern{}, errors.New("must be one container name or pattern; each name of a pod's list is compared by itself")
	}
	if name := nameOf(o.Kind); name != nil {
		if !strings.Contains(text, "*") {
			canonical, err := name(text)
			return Pattern{text: canonical}, err
		}
		if len(splitList(text)) > 1 {
			return Pattern{}, errors.New("must be one name or pattern; each element of a pod's list is compared by itself")
		}
	}
	if !strings.Contains(text, "*") {
		// A literal that no value can equal is a typing error in the policy.
		v, err := o.Parse(text)
		if err != nil {
			return Pattern{}, err
		}
		return Pattern{text: v.Text}, nil
	}
	return Pattern{text: text}, nil
}

// nameOf says how the pattern of one element of a list is read that is known to policies
// by its name, whatever attributes or values stand behind; nil for other kinds.
func nameOf(kind Kind) func(text string) (string, error) {
	switch kind {
	case KindQueues:
		return objectName
	case KindSysV:
		return sysvName
	case KindFIFOs:
		return fifoPath
	case KindSysctls:
		return sysctlName
	case KindConditions:
		return func(text string) (string, error) {
			c, err := parseCondition(text)
			return c.text, err
		}
	case KindUmasks:
		return parseMask
	default:
		return nil
	}
}

// compileRepoPattern reads scheme://[user@]host[:port][/path]. Without a port it is
// the scheme's own; without a path it is every path. What no URL in canonical form can
// match is refused: it would look like a permission and be none.
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
		return &repoPattern{v.repo.scheme, v.repo.user, v.repo.host, v.repo.port, v.repo.path}, nil
	}
	p := &repoPattern{scheme: scheme, port: defaultPort[scheme], path: "/*"}
	if p.port == "" {
		return nil, fmt.Errorf("has the scheme %q; a pattern begins with https://, http:// or ssh://", scheme)
	}
	if hasPath {
		p.path = "/" + path
	}
	if strings.ContainsFunc(p.path, func(r rune) bool { return !plainInPath(r) && !strings.ContainsRune("%/*", r) }) {
		return nil, errors.New("has a path that no repository URL has: only letters, digits and -._~+@:,=/% and * may be in it")
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

func (p Pattern) matches(v Value) bool {
	if p.repo == nil {
		return glob(p.text, v.Text)
	}
	u := v.repo
	if u == nil || u.scheme != p.repo.scheme || u.user != p.repo.user && p.repo.user != "*" {
		return false
	}
	// An address is never meant by a pattern of names: a node's metadata service
	// (169.254.169.254) has to be named literally to be reached.
	if u.ip && u.host != p.repo.host {
		return false
	}
	return glob(p.repo.host, u.host) && glob(p.repo.port, u.port) && glob(p.repo.path, u.path)
}

// glob tells whether a pattern covers a text from its beginning to its end.
func glob(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	text = text[len(head):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], more
	}
}
