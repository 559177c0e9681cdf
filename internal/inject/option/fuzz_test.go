// SPDX-License-Identifier: Apache-2.0

package option

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// FuzzRepo reads a repository URL. What is taken reads the same to net/url in the
// canonical form and in what the user wrote, and holds no credential.
func FuzzRepo(f *testing.F) {
	for _, seed := range []string{
		"https://github.com/acme/site.git", "HTTPS://GitHub.COM.:0443/a%2Fb/", "ssh://git@[::ffff:1.2.3.4]:2222/~a/b", "http://0x7f.1/a",
		"https://a@b/c", "https://a:b@c/d", "ssh://g%69t@h/%41%c3%a9", "https://h/a?b#c", "https:///a", "ext::sh -c x", "git@h:a/b", "https://h:/a",
		"https://[fe80::1%25a]/b", "https://h/%2e%2e/a", "https://h/a b\"<>^`{|}", "ssh://-o@h/-a", "https://h\\@i/a", "https://127.1/%ff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Repository.Read(text)
		if err != nil {
			return
		}
		r := RepositoryOf(v)
		given, err1 := url.Parse(text)
		canonical, err2 := url.Parse(v.Text)
		if err1 != nil || err2 != nil {
			t.Fatalf("net/url does not read %q (%v) or %q (%v)", text, err1, v.Text, err2)
		}
		for name, u := range map[string]*url.URL{"what was given": given, "the canonical form": canonical} {
			if !strings.EqualFold(u.Scheme, r.Scheme) || !sameHost(u.Hostname(), r.Host) || strings.TrimSuffix(u.Path, "/") != mustUnescape(t, r.Path) {
				t.Errorf("net/url reads %s %q as %q, %q, %q; we as %+v", name, u, u.Scheme, u.Host, u.Path, r)
			}
			if _, has := u.User.Password(); has || u.User.Username() != r.User || r.User != "" && r.Scheme != "ssh" {
				t.Errorf("%s %q has the credentials %v", name, u, u.User)
			}
			if u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
				t.Errorf("%s %q has more than a path", name, u)
			}
		}
		if canonical.EscapedPath() != r.Path || strings.ContainsAny(v.Text, " \"'`$;&|<>(){}*!\\") {
			t.Errorf("the canonical form is %q", v.Text)
		}
		for segment := range strings.SplitSeq(strings.TrimPrefix(canonical.Path, "/"), "/") {
			if segment == "" || segment == "." || segment == ".." || segment[0] == '-' {
				t.Errorf("the canonical form %q has the segment %q", v.Text, segment)
			}
		}
	})
}

// sameHost compares two ways to write a host: case and the dot of a full name do not
// count, and an address counts as what it is.
func sameHost(a, b string) bool {
	a, b = strings.TrimSuffix(strings.ToLower(a), "."), strings.TrimSuffix(strings.ToLower(b), ".")
	addrA, errA := netip.ParseAddr(a)
	addrB, errB := netip.ParseAddr(b)
	if errA == nil && errB == nil {
		return addrA.Unmap() == addrB.Unmap()
	}
	return a == b
}

func mustUnescape(t *testing.T, path string) string {
	t.Helper()
	plain, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
