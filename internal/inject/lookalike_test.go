// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Inputs that an earlier version took for something that they are not.
func TestInputsThatLookRightAndAreNot(t *testing.T) {
	t.Parallel()
	denied := func(key, value string) func(t *testing.T) {
		return func(t *testing.T) {
			if v, problem := parseOne(t, key, value); problem == "" {
				t.Errorf("%q is taken as %q", value, v.Text)
			}
		}
	}
	hides := func(key, value, secret string) func(t *testing.T) {
		return func(t *testing.T) {
			if _, problem := parseOne(t, key, value); strings.Contains(problem, secret) {
				t.Error(problem)
			}
		}
	}
	noPattern := func(option, pattern string) func(t *testing.T) {
		return func(t *testing.T) {
			if p, err := builtin.Find("git-poller").Option(option).Pattern(pattern); err == nil {
				t.Errorf("the pattern %q, which no value can equal, compiles to %+v", pattern, p)
			}
		}
	}
	bytes := func(value, want string) func(t *testing.T) {
		return func(t *testing.T) {
			if v, problem := parseOne(t, "date-writer.pillion.dev/max-size", value); problem != "" || v.Text != want {
				t.Errorf("got %q %s, want %q", v.Text, problem, want)
			}
		}
	}
	suggests := func(key, not string) func(t *testing.T) {
		return func(t *testing.T) {
			if got := parse(builtin, map[string]string{key: "x"}, nil).problems[0].Error.Error(); strings.Contains(got, not) {
				t.Error(got)
			}
		}
	}
	noSSH := func(t *testing.T) {
		for _, url := range []string{"https:/github.com/acme/site", "file:/etc/passwd", `C:\site`} {
			if _, got := parseOne(t, keyRepo, url); strings.Contains(got, "ssh://") {
				t.Error(got)
			}
		}
	}
	zones, err := os.ReadFile("option/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	comment, _, _ := strings.Cut(string(zones), "\n")
	for name, test := range map[string]func(t *testing.T){
		"a password before an encoded @":       hides(keyRepo, "https://user:hunter2%40github.com/a", "hunter2"),
		"a URL with a password in ref":         hides(keyRef, "https://user:hunter2@github.com/a", "hunter2"),
		"a space in a URL":                     denied(keyRepo, "https://github.com/a b"),
		"a quote in a URL":                     denied(keyRepo, `https://github.com/a"b`),
		"a pipe in a URL":                      denied(keyRepo, "https://github.com/a|b"),
		"a backquote in a URL":                 denied(keyRepo, "https://github.com/a`b"),
		"a zone that only this machine has":    denied("date-writer.pillion.dev/timezone", "posix/Europe/Berlin"),
		"the zone localtime":                   denied("date-writer.pillion.dev/timezone", "localtime"),
		"a zone with two slashes":              denied("date-writer.pillion.dev/timezone", "Europe//Berlin"),
		"the comment of our own list of zones": denied("date-writer.pillion.dev/timezone", comment),
		"a zone with a dot":                    denied("date-writer.pillion.dev/timezone", "./UTC"),
		"a plus sign is not canonical":         bytes("+1Mi", "1Mi"),
		"an exponent is not canonical":         bytes("1e6", "1000000"),
		"one number has one canonical form":    bytes("1048576", "1Mi"),
		"a pattern with only a slash as path":  noPattern("repo", "https://github.com/"),
		"a pattern with a slash behind":        noPattern("repo", "https://github.com/acme/"),
		"a pattern with a query":               noPattern("repo", "https://github.com/a?b"),
		"a pattern with an impossible port":    noPattern("repo", "https://github.com:99999/*"),
		"a pattern with a glob as the user":    noPattern("repo", "ssh://g*@github.com/*"),
		"a pattern with a password":            noPattern("repo", "ssh://git:p@github.com/*"),
		"a pattern with an empty user":         noPattern("repo", "https://@github.com/*"),
		"a pattern with an open bracket":       noPattern("repo", "https://[::1/*"),
		"a pattern with a host that is none":   noPattern("repo", "https://git_hub.com/*"),
		"a pattern of two containers":          noPattern("containers", "web,api"),
		"an empty allow list allows nothing": func(t *testing.T) {
			if _, errs := (rule.Spec{Allow: []rule.Text{}}).Compile(builtin.Find("git-poller").Option("repo"), nil); len(errs) == 0 {
				t.Error("allow: [] compiles, and allows everything")
			}
		},
		"a dot before the helper": func(t *testing.T) {
			if p := parse(builtin, map[string]string{".git-poller.pillion.dev/ref": "main"}, nil); len(p.problems) == 0 {
				t.Errorf("it is read as the instance %q", p.requests[0].Instance)
			}
		},
		"a key without a slash": func(t *testing.T) {
			if p := parse(builtin, map[string]string{"git-poller.pillion.dev": "x"}, nil); len(p.problems) == 0 {
				t.Error("it is passed over in silence")
			}
		},
		"a long value of inject is cut": func(t *testing.T) {
			p := parse(builtin, map[string]string{InjectAnnotation: strings.Repeat("x", 1000)}, nil)
			if got := p.problems[0].Error.Error(); len(got) > 400 || strings.Contains(got, "did you mean") {
				t.Errorf("%d bytes: …%s", len(got), got[len(got)-50:])
			}
		},
		"a value far from everything suggests nothing": func(t *testing.T) {
			if got := nearmiss.Nearest(strings.Repeat("x", 228), []string{"unix-date"}); got != "" {
				t.Error(got)
			}
		},
		"path is not auth":              suggests("git-poller.pillion.dev/path", "git-poller.pillion.dev/auth\""),
		"branch is not repo":            suggests("git-poller.pillion.dev/brnach", "git-poller.pillion.dev/repo\""),
		"repository is not position":    suggests("git-poller.pillion.dev/repository", "/position"),
		"nothing is not ref":            suggests("git-poller.pillion.dev/", "/ref"),
		"a lower-case key that is none": suggests("Foo.pillion.dev/bar", `did you mean "foo.pillion.dev/bar"`),
		"a missing slash is not ssh":    noSSH,
		"programs below /usr/local":     denied(keyMountPath, "/usr/local/bin"),
		"a wait-timeout that has no effect": func(t *testing.T) {
			if d := decide(MakePod("web").Git("git-poller.pillion.dev/wait", "false", "git-poller.pillion.dev/wait-timeout", "5m").Obj()); len(d.Warnings) == 0 {
				t.Error("nobody says so")
			}
		},
		"the answer is bounded, whatever the pod": func(t *testing.T) {
			b := MakePod("web").Git()
			for i := range 100_000 {
				b.Init(fmt.Sprintf("pillion-x%d", i))
			}
			if d := decide(b.Obj()); len(d.Message()) > 1<<16 {
				t.Errorf("%d problems in %d bytes", len(d.Problems), len(d.Message()))
			}
		},
		"too many reserved names are not called too many containers": func(t *testing.T) {
			b := MakePod("web").Git()
			for i := range 65 {
				b.Init(fmt.Sprintf("pillion-x%d", i))
			}
			const want = `spec.initContainers: Invalid value: 65: is the number of containers whose names begin with "pillion-"; at most 64 are considered`
			if d := decide(b.Obj()); d.Message() != want {
				t.Errorf("got  %s\nwant %s", d.Message(), want)
			}
		},
		"a key with a line break cannot fake a sentence": func(t *testing.T) {
			d := decide(MakePod("web").Annotate("git-poller.pillion.dev/a\n  2. fake", "x").Obj())
			if strings.Contains(d.Message(), "\n") {
				t.Errorf("%s", d.Message())
			}
		},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}
}
