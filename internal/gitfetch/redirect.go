// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// checkRedirect lets a server send us elsewhere on itself, and nowhere else: credentials
// and the policy's list of repositories are for one host. To add .git, as GitLab does, is
// no other repository. Any other is compared with the policy's patterns, so that a host
// with many owners does not lead from one that is allowed to one that is not; where no
// pattern is given, or none for which the credentials are, it gets no credentials.
func (h *httpRemote) checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	upgrade := from.Scheme == "http" && to.Scheme == "https" && strings.HasSuffix(addressOf(from), ":80") && strings.HasSuffix(addressOf(to), ":443")
	switch {
	case via[0].Method != http.MethodGet:
		return failf(BadServer, "the server redirects a request for a pack, which is not followed")
	case len(via) > maxRedirects:
		return failf(BadServer, "the server redirects more than %d times", maxRedirects)
	case to.User != nil, !strings.EqualFold(from.Hostname(), to.Hostname()), !upgrade && (from.Scheme != to.Scheme || addressOf(from) != addressOf(to)):
		return failf(UntrustedHost, "the server redirects to %s, and only redirects on the same host are followed; if that is right, use its URL as repo", foreign(to.Scheme+"://"+to.Host))
	case !strings.HasSuffix(to.Path, infoRefs):
		return failf(NoSuchRepo, "the server redirects to %s, which is not a git repository; check the URL, and whether the repository is private", foreign(to.Path))
	case sameRepo(from, to):
	case len(h.redirects) > 0 && !h.redirects.cover(to, upgrade):
		return failf(UntrustedHost, "the server redirects to %s, which is another repository, and not one that the policy allows", foreign(repoOf(to)))
	case h.login != nil && (len(h.redirects) == 0 || len(h.secretFor) > 0 && !h.secretFor.cover(to, upgrade)):
		h.barred = repoOf(to)
	}
	if h.barred != "" { // and not again on the way back
		req.Header.Del("Authorization")
	}
	return nil
}

// repoOf is the path of the repository whose refs a URL means.
func repoOf(u *url.URL) string { return strings.TrimSuffix(u.EscapedPath(), infoRefs) }

func sameRepo(a, b *url.URL) bool {
	plain := func(u *url.URL) string { return strings.TrimSuffix(strings.TrimSuffix(repoOf(u), "/"), ".git") }
	return plain(a) == plain(b)
}

// repoPattern has a pattern for each part of a repository's URL, as the policy's patterns
// have, so that a star in one part cannot reach into another.
type repoPattern struct{ scheme, host, port, path string }

type repoPatterns []repoPattern

// parsePatterns reads scheme://host[:port][/path]. Those of ssh are left out: nothing
// redirects there.
func parsePatterns(texts []string) (repoPatterns, error) {
	var all repoPatterns
	for _, text := range texts {
		scheme, rest, _ := strings.Cut(text, "://")
		authority, path, hasPath := strings.Cut(rest, "/")
		p := repoPattern{scheme, strings.ToLower(authority), defaultPort[scheme], "/*"}
		if hasPath {
			p.path = "/" + path
		}
		if colon := strings.LastIndexByte(p.host, ':'); colon >= 0 && !strings.HasSuffix(p.host, "]") {
			p.host, p.port = p.host[:colon], p.host[colon+1:]
		}
		if p.host = strings.Trim(p.host, "[]"); p.port == "" || p.host == "" {
			return nil, failf(Misconfigured, "the pattern %s of allowed redirects must be one of a URL, such as https://git.acme.example/web/*", foreign(text))
		}
		if scheme != "ssh" {
			all = append(all, p)
		}
	}
	if all == nil && len(texts) > 0 { // nothing is allowed
		all = repoPatterns{{}}
	}
	return all, nil
}

// cover reports whether a pattern allows a URL. One that was upgraded from http may be
// allowed as what it was.
func (p repoPatterns) cover(u *url.URL, upgraded bool) bool {
	path := repoOf(u)
	if !plainPath(path) {
		return false
	}
	for _, pattern := range p {
		if pattern.covers("https", u, path) && u.Scheme == "https" || pattern.covers("http", u, path) && (u.Scheme == "http" || upgraded) {
			return true
		}
	}
	return false
}

func (p repoPattern) covers(scheme string, u *url.URL, path string) bool {
	host := strings.ToLower(u.Hostname())
	port := u.Port()
	if port == "" || port == defaultPort[u.Scheme] {
		port = defaultPort[scheme]
	}
	if _, err := netip.ParseAddr(host); err == nil && host != p.host { // an address has to be named
		return false
	}
	return p.scheme == scheme && matchesStars(p.host, host) && matchesStars(p.port, port) && matchesStars(p.path, path)
}

// plainPath reports whether a path means the same to all who read it: nothing is
// percent-encoded, and nothing leads up.
func plainPath(path string) bool {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, `%\`) {
			return false
		}
	}
	return true
}

// matchesStars is matchesPattern where ? is an ordinary character.
func matchesStars(pattern, text string) bool {
	return !strings.ContainsAny(pattern+text, "?") && matchesPattern(pattern, text)
}
