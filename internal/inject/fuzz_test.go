// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// FuzzParse reads one annotation. Whatever it holds, it ends as values or as problems,
// and a value's canonical form is plain text that reads as itself.
func FuzzParse(f *testing.F) {
	for _, h := range Helpers() {
		for i := range h.Options {
			for _, value := range []string{h.Options[i].Example, h.Options[i].Default, h.Options[i].Max, "", "\n", "$(A)", "a\x00b", "/../a"} {
				f.Add(h.Key("", h.Options[i].Name), value)
				f.Add(h.Key("docs", h.Options[i].Name), value)
			}
		}
	}
	for _, key := range []string{InjectAnnotation, StatusAnnotation, "PILLION.DEV/x", ".pillion.dev/", "a.b.pillion.dev/c/d", "ſ.pillion.dev/x", "\xff.pillion.dev/x"} {
		f.Add(key, "false")
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		root := field.NewPath("metadata", "annotations")
		p := parse(map[string]string{key: value}, nil)
		for _, problem := range p.problems {
			if problem.Reason != UnknownAnnotation && problem.Reason != InvalidValue {
				t.Errorf("the reason is %q", problem.Reason)
			}
			if problem.Detail == "" || !strings.HasPrefix(problem.Error.Error(), root.Key(shownKey(key)).String()+": ") {
				t.Errorf("the sentence is %q", problem.Error.Error())
			}
		}
		if read := len(p.requests) + len(p.problems); p.ours > 0 && key != InjectAnnotation && read == 0 || p.ours == 0 && read > 0 {
			t.Errorf("%d annotations of ours give %d requests and %d problems", p.ours, len(p.requests), len(p.problems))
		}
		for _, r := range p.requests {
			for i := range r.settings {
				name, v := r.Helper.Options[i].Name, r.settings[i].value
				if !r.settings[i].has {
					continue
				}
				if strings.ContainsFunc(v.Text, func(c rune) bool { return c < 0x20 || c > 0x7e }) || v.Text == "" {
					t.Errorf("%s has the canonical form %q", name, v.Text)
				}
				again, err := r.Helper.Option(name).Parse(v.Text)
				if err != nil {
					t.Fatalf("the canonical form %q of %q %v", v.Text, value, err)
				}
				if diff := cmp.Diff(v, again, cmp.AllowUnexported(Value{}, repoURL{}, object{}, pair{}, condition{})); diff != "" {
					t.Errorf("the canonical form is another value (-first +second):\n%s", diff)
				}
			}
		}
	})
}

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
		v, err := parseKind(FindHelper("git-poller").Option("repo"), text)
		if err != nil {
			return
		}
		r := v.repo
		given, err1 := url.Parse(text)
		canonical, err2 := url.Parse(v.Text)
		if err1 != nil || err2 != nil {
			t.Fatalf("net/url does not read %q (%v) or %q (%v)", text, err1, v.Text, err2)
		}
		for name, u := range map[string]*url.URL{"what was given": given, "the canonical form": canonical} {
			if !strings.EqualFold(u.Scheme, r.scheme) || !sameHost(u.Hostname(), r.host) || strings.TrimSuffix(u.Path, "/") != mustUnescape(t, r.path) {
				t.Errorf("net/url reads %s %q as %q, %q, %q; we as %+v", name, u, u.Scheme, u.Host, u.Path, r)
			}
			if _, has := u.User.Password(); has || u.User.Username() != r.user || r.user != "" && r.scheme != "ssh" {
				t.Errorf("%s %q has the credentials %v", name, u, u.User)
			}
			if u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
				t.Errorf("%s %q has more than a path", name, u)
			}
		}
		if canonical.EscapedPath() != r.path || strings.ContainsAny(v.Text, " \"'`$;&|<>(){}*!\\") {
			t.Errorf("the canonical form is %q", v.Text)
		}
		for segment := range strings.SplitSeq(strings.TrimPrefix(canonical.Path, "/"), "/") {
			if segment == "" || segment == "." || segment == ".." || segment[0] == '-' {
				t.Errorf("the canonical form %q has the segment %q", v.Text, segment)
			}
		}
	})
}

// FuzzRefusedCredential puts a password into a URL and looks for it in the refusal.
func FuzzRefusedCredential(f *testing.F) {
	for _, seed := range [][3]string{{"https", "user", "github.com/a"}, {"ssh", "git", "github.com:x/a"}, {"ftp", "", "\n"}, {"https", "a@b/c?d#e", "%zz"}, {"https", "[::1", "]"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		const password = "hunter2"
		text := scheme + "://" + user + ":" + password + "@" + rest
		if strings.Contains(scheme+user+rest, password) || strings.ContainsAny(scheme, ":/@") {
			t.Skip("the password stands where no password does")
		}
		for _, problem := range parse(map[string]string{keyRepo: text}, nil).problems {
			if got := problem.Error.Error(); strings.Contains(got, password) {
				t.Errorf("%q is repeated: %s", text, got)
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
