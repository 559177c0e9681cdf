// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// URL is an absolute URL with a host and without credentials, whose scheme is one of those
// given; none given means http and https. Scheme and host are lower-cased.
func URL(schemes ...string) Kind {
	if len(schemes) == 0 {
		schemes = []string{"https", "http"}
	}
	return Kind{
		Name: "url", Redact: WithoutCredentials, Parse: func(text string) (Value, error) { return parseURL(text, schemes) },
		Pattern: func(text string) (Pattern, error) { return urlPattern(text, schemes) },
	}
}

func parseURL(text string, schemes []string) (Value, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || !strings.Contains(text, "://"):
		return Value{}, fmt.Errorf("must be a URL, such as %s://example.com/path", schemes[0])
	case !slices.Contains(schemes, u.Scheme):
		return Value{}, fmt.Errorf("has the scheme %q; allowed schemes: %s", u.Scheme, Listed(schemes))
	case u.User != nil:
		return Value{}, errors.New("must not contain credentials (what stands before the @): they belong in a Secret")
	case u.Hostname() == "":
		return Value{}, errors.New("has no host")
	case strings.ContainsAny(text, "\"'`\\<>{}|^ "):
		return Value{}, errors.New("has a character that a URL has in percent-encoding only")
	}
	if port := u.Port(); port != "" {
		if _, err := parsePort(port); err != nil {
			return Value{}, fmt.Errorf("has the port %q; a port is a number from 1 to 65535", port)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return Value{}, errors.New("has a colon behind the host and no port")
	}
	u.Host = strings.ToLower(u.Host)
	return Value{Text: u.String()}, nil
}

// urlPattern wants a literal scheme and keeps a "*" of the host from reaching into the path:
// https://*.example.com/* says nothing on https://evil.example/x.example.com/.
func urlPattern(text string, schemes []string) (Pattern, error) {
	if !strings.Contains(text, "*") {
		v, err := parseURL(text, schemes)
		return Glob(v.Text), err
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found || !slices.Contains(schemes, scheme) {
		return nil, fmt.Errorf("must be a pattern of a URL that begins with %s", JoinOr(withColon(schemes)))
	}
	host, path, _ := strings.Cut(rest, "/")
	if host == "" || strings.ContainsAny(host, "@?#") {
		return nil, errors.New("has no host that a pattern can have; write * for any host")
	}
	return globURL{text, scheme, strings.ToLower(host), "/" + path}, nil
}

func withColon(schemes []string) []string {
	all := make([]string, 0, len(schemes))
	for _, s := range schemes {
		all = append(all, s+"://")
	}
	return all
}

// globURL has a glob for the host with its port, and one for all behind it.
type globURL struct{ text, scheme, host, path string }

func (p globURL) String() string { return p.text }

// Matches compares a canonical URL part by part.
func (p globURL) Matches(v Value) bool {
	scheme, rest, _ := strings.Cut(v.Text, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	path := rest[end:]
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return scheme == p.scheme && glob(p.host, rest[:end]) && glob(p.path, path)
}
