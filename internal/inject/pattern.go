// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
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

// compileRepoPattern reads scheme://[user@]host[:port][/path]. Without a port it is
// the scheme's own; without a path it is every path.
func compileRepoPattern(text string) (*repoPattern, error) {
	p := &repoPattern{path: "/*"}
	rest := ""
	var found bool
	if p.scheme, rest, found = strings.Cut(text, "://"); !found {
		return nil, errors.New("must be a pattern of a URL, such as https://github.com/acme/*")
	}
	if p.port = defaultPort[p.scheme]; p.port == "" {
		return nil, fmt.Errorf("has the scheme %q; a pattern begins with https://, http:// or ssh://", p.scheme)
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		rest, p.path = rest[:slash], rest[slash:]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		p.user, rest = rest[:at], rest[at+1:]
	}
	p.host = strings.ToLower(rest)
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 && !strings.HasSuffix(rest, "]") {
		p.host, p.port = strings.ToLower(rest[:colon]), rest[colon+1:]
		if p.port != "*" && !isDigits(p.port) {
			return nil, fmt.Errorf("has the port %q; a port is a number or *", p.port)
		}
	}
	p.host = strings.Trim(p.host, "[]")
	if p.host == "" {
		return nil, errors.New("has no host; write * for any host")
	}
	if p.user != "" && p.scheme != "ssh" {
		return nil, errors.New("has a user name, which only ssh URLs have")
	}
	return p, nil
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
