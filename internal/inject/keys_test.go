// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func TestAKeyThatNobodyReadsIsDenied(t *testing.T) {
	t.Parallel()
	const (
		unknownKey = "unknown key; a helper is requested by a key <helper>.pillion.dev/<option>, and the helpers are config-reloader, date-writer, git-poller, ipc and start"
		gitOptions = "; its options are repo, ref, mount-path, subdir, containers, mode, period, depth, submodules, secret, auth, ca-configmap, wait, wait-timeout, position, writable, metrics-port, metrics-address, notify, notify-method, notify-status and signal"
		lowerCase  = "annotation keys of Pillion are in lower case"
	)
	unknownHelper := func(name string) string {
		return `unknown helper "` + name + `"; the helpers are config-reloader, date-writer, git-poller, ipc and start`
	}
	noOption := func(helper, name string) string { return helper + ` has no option "` + name + `"` }
	instance := func(name string) string {
		return `the instance "` + name + `" must be at most 30 lower-case letters, digits or '-', with a letter or digit at both ends`
	}
	mean := func(key string) string { return `; did you mean "` + key + `"?` }
	for _, tt := range []struct{ name, key, want string }{
		{"a letter too few in the helper", "git-poler.pillion.dev/repo", unknownHelper("git-poler") + mean(keyRepo)},
		{"two letters swapped in the helper", "git-pollre.pillion.dev/repo", unknownHelper("git-pollre") + mean(keyRepo)},
		{"no minus in the helper", "gitpoller.pillion.dev/repo", unknownHelper("gitpoller") + mean(keyRepo)},
		{"an underscore in the helper", "git_poller.pillion.dev/repo", unknownHelper("git_poller") + mean(keyRepo)},
		{"a mistake in the helper of an instance", "docs.git-poler.pillion.dev/repo", unknownHelper("git-poler") + mean("docs.git-poller.pillion.dev/repo")},
		{"mistakes in the helper and the option", "date-writter.pillion.dev/intervall", unknownHelper("date-writter") + mean("date-writer.pillion.dev/interval")},
		{"a helper that there is none of", "proxy.pillion.dev/shm", unknownHelper("proxy")},
		{"a helper that nobody ever had", "frobnicator.pillion.dev/level", unknownHelper("frobnicator")},
		{"the instance behind the helper", "git-poller.docs.pillion.dev/repo", unknownHelper("docs") + mean("docs.git-poller.pillion.dev/repo")},

		{"a letter too few in the option", "git-poller.pillion.dev/rep", noOption("git-poller", "rep") + mean(keyRepo)},
		{"no minus in the option", "git-poller.pillion.dev/mountpath", noOption("git-poller", "mountpath") + mean(keyMountPath)},
		{"an underscore in the option", "git-poller.pillion.dev/mount_path", noOption("git-poller", "mount_path") + mean(keyMountPath)},
		{"a singular for a plural", "git-poller.pillion.dev/container", noOption("git-poller", "container") + mean(keyTargets)},
		{"a mistake in the option of an instance", "docs.git-poller.pillion.dev/mountpath", noOption("git-poller", "mountpath") + mean("docs.git-poller.pillion.dev/mount-path")},
		{"an option of the other helper", "date-writer.pillion.dev/wait-timeout", noOption("date-writer", "wait-timeout") + mean("git-poller.pillion.dev/wait-timeout")},
		{"a misspelled option of the helper", "date-writer.pillion.dev/time-zone", noOption("date-writer", "time-zone") + mean("date-writer.pillion.dev/timezone")},
		{"an option that no helper ever had", "git-poller.pillion.dev/submodules-recursively", noOption("git-poller", "submodules-recursively") + gitOptions},
		{"a camel's back", "git-poller.pillion.dev/mountPath", lowerCase + mean(keyMountPath)},
		{"a camel's back of another tool", "git-poller.pillion.dev/sshKey", lowerCase + mean("git-poller.pillion.dev/secret")},
		{"what others call a ref", "git-poller.pillion.dev/branch", noOption("git-poller", "branch") + mean("git-poller.pillion.dev/ref")},
		{"what others call a repo", "docs.git-poller.pillion.dev/url", noOption("git-poller", "url") + mean("docs.git-poller.pillion.dev/repo")},
		{"what others call a mount-path", "git-poller.pillion.dev/path", noOption("git-poller", "path") + mean(keyMountPath)},
		{"what others call a period", "git-poller.pillion.dev/interval", noOption("git-poller", "interval") + mean("git-poller.pillion.dev/period")},
		{"an instance with a minus", "docs-git-poller.pillion.dev/repo", unknownHelper("docs-git-poller") + mean("docs.git-poller.pillion.dev/repo")},
		{"an instance with a minus behind", "git-poller-docs.pillion.dev/repo", unknownHelper("git-poller-docs") + mean("docs.git-poller.pillion.dev/repo")},

		{"no helper before the domain", "pillion.dev/repo", unknownKey + mean(keyRepo)},
		{"no helper and a mistake in the option", "pillion.dev/mountpath", unknownKey + mean("date-writer.pillion.dev/mount-path")},
		{"a mistake in inject", "pillion.dev/injekt", unknownKey + mean(InjectAnnotation)},
		{"inject in other words", "pillion.dev/enabled", unknownKey},
		{"a helper as the option", "pillion.dev/git-poller", unknownKey + mean(keyRepo)},
		{"what others call a helper as the option", "pillion.dev/git-sync", unknownKey + mean(keyRepo)},
		{"a list of helpers", "pillion.dev/helpers", unknownKey},
		{"what others call git-poller", "git-sync.pillion.dev/repo", unknownHelper("git-sync") + mean(keyRepo)},
		{"what others call git-poller, and one of its flags", "git-sync.pillion.dev/branch", unknownHelper("git-sync") + mean("git-poller.pillion.dev/ref")},
		{"what others call git-poller, and an option that nobody has", "docs.git-sync.pillion.dev/frobnicate", unknownHelper("git-sync") + mean("docs.git-poller.pillion.dev/repo")},
		{"what others call config-reloader", "reloader.pillion.dev/auto", unknownHelper("reloader") + mean("config-reloader.pillion.dev/watch")},
		{"what others call config-reloader, with a signal", "configmap-reload.pillion.dev/signal", unknownHelper("configmap-reload") + mean("config-reloader.pillion.dev/signal")},
		{"an option of ipc as the helper", "shm.pillion.dev/size", unknownHelper("shm") + mean("ipc.pillion.dev/shm")},
		{"what others call start", "depends-on.pillion.dev/after", unknownHelper("depends-on") + mean("start.pillion.dev/after")},
		{"nothing behind the slash", "pillion.dev/", unknownKey},
		{"a dot before the domain", ".pillion.dev/frobnicate", unknownKey},

		{"a capital in the option", "git-poller.pillion.dev/Repo", lowerCase + mean(keyRepo)},
		{"a capital in the helper", "Git-Poller.pillion.dev/repo", lowerCase + mean(keyRepo)},
		{"a capital in the instance", "Docs.git-poller.pillion.dev/repo", lowerCase + mean("docs.git-poller.pillion.dev/repo")},
		{"a capital in the domain", "git-poller.Pillion.dev/repo", lowerCase + mean(keyRepo)},
		{"capitals in inject", "PILLION.DEV/INJECT", lowerCase + mean(InjectAnnotation)},
		{"a status in capitals is not the status", "pillion.dev/Status", lowerCase + mean(StatusAnnotation)},

		{"an instance of two labels", "a.b.git-poller.pillion.dev/repo", instance("a.b")},
		{"an instance with a minus in front", "-a.git-poller.pillion.dev/repo", instance("-a")},
		{"an instance with a minus behind", "a-.git-poller.pillion.dev/repo", instance("a-")},
		{"an instance with an underscore", "a_b.git-poller.pillion.dev/repo", instance("a_b")},
		{"an instance with a dot behind", "a..git-poller.pillion.dev/repo", instance("a.")},
		{"an instance of no letter", ".git-poller.pillion.dev/repo", instance("")},
		{"an instance of no letter of a helper that has none", ".ipc.pillion.dev/shm", `ipc has no instances, since a pod has one at most: write "ipc.pillion.dev/shm"`},
		{"an instance of 31 letters", strings.Repeat("a", 31) + ".git-poller.pillion.dev/repo", instance(strings.Repeat("a", 31))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := parse(builtin, map[string]string{tt.key: "https://github.com/acme/site.git"}, nil)
			if len(p.problems) != 1 {
				t.Fatalf("%d problems: %v", len(p.problems), p.problems)
			}
			if p.problems[0].Reason != reason.UnknownAnnotation {
				t.Errorf("the reason is %s", p.problems[0].Reason)
			}
			want := "metadata.annotations[" + tt.key + "]: Forbidden: " + tt.want
			if got := p.problems[0].Error.Error(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAKeyOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"repo", "example.com/repo", "xpillion.dev/repo", "git-pollerpillion.dev/repo", "pillion.dev.example/repo", "git-poller.pillion.device/repo",
		"git-poller.pilion.dev/repo", "example.com/pillion.dev", "kubernetes.io/config.seen", "", "/", "/pillion.dev",
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			annotations := map[string]string{key: "x"}
			if p := parse(builtin, annotations, nil); p.ours != 0 || len(p.problems) != 0 || len(p.requests) != 0 {
				t.Errorf("it was read: %+v", p)
			}
			if Asks(annotations) {
				t.Error("it asks for something")
			}
		})
	}
}

func TestOnlyTheStatusDoesNotAsk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		annotations map[string]string
		want        bool
	}{
		{"no annotations", nil, false},
		{"the status", map[string]string{StatusAnnotation: "{}"}, false},
		{"the opt-out", map[string]string{InjectAnnotation: "false"}, true},
		{"an option", map[string]string{keyRepo: "x"}, true},
		{"an option beside the status", map[string]string{StatusAnnotation: "{}", keyRepo: "x"}, true},
		{"a key in capitals", map[string]string{"PILLION.DEV/x": ""}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Asks(tt.annotations); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestAnInstanceIsARequestOfItsOwn(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 30)
	p := parse(builtin, map[string]string{
		keyRepo: "https://github.com/a", keyRef: "main",
		"docs.git-poller.pillion.dev/ref":          "docs",
		"0.git-poller.pillion.dev/ref":             "zero",
		longest + ".git-poller.pillion.dev/subdir": "x",
		"docs.date-writer.pillion.dev/file":        "y",
	}, nil)
	var got []string
	for _, r := range p.requests {
		got = append(got, fmt.Sprintf("%s %q ref=%s", r.Name(), r.Instance, r.Value("ref").Text))
	}
	want := []string{
		`date-writer-docs "docs" ref=`, `git-poller "" ref=main`, `git-poller-0 "0" ref=zero`,
		`git-poller-` + longest + ` "` + longest + `" ref=`, `git-poller-docs "docs" ref=docs`,
	}
	if diff := cmp.Diff(want, got); diff != "" || len(p.problems) > 0 {
		t.Errorf("requests (-want +got), problems %v:\n%s", p.problems, diff)
	}
}

func TestInjectTakesABoolean(t *testing.T) {
	t.Parallel()
	const choice = `must be "true" or "false"`
	for _, tt := range []struct{ name, value, why string }{
		{"true", "true", ""},
		{"false", "false", ""},
		{"a capital", "False", choice + `; did you mean "false"?`},
		{"no", "no", choice},
		{"disabled", "disabled", choice},
		{"nothing", "", "must not be empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := parse(builtin, map[string]string{InjectAnnotation: tt.value}, nil)
			var got string
			if len(p.problems) == 1 {
				got = p.problems[0].Error.Error()
			}
			var want string
			if tt.why != "" {
				want = wrong(InjectAnnotation, tt.value, tt.why)
			}
			if got != want || p.optOut != (tt.value == "false") {
				t.Errorf("got  %s (opt-out %t)\nwant %s", got, p.optOut, want)
			}
		})
	}
}

func TestAtMost64AnnotationsAreConsidered(t *testing.T) {
	t.Parallel()
	annotations := map[string]string{StatusAnnotation: "{}"}
	for i := range 64 {
		annotations[fmt.Sprintf("i%d.git-poller.pillion.dev/ref", i)] = "main"
	}
	if p := parse(builtin, annotations, nil); len(p.problems) > 0 || p.ours != 64 {
		t.Errorf("64 annotations and the status are %d with the problems %v", p.ours, p.problems)
	}
	annotations["one.more.example.pillion.dev/x"] = ""
	p := parse(builtin, annotations, nil)
	if len(p.problems) != 1 || p.problems[0].Reason != reason.TooMany {
		t.Fatalf("65 annotations have the problems %v", p.problems)
	}
	const want = "metadata.annotations: Invalid value: 65: is the number of annotations under pillion.dev; at most 64 are considered"
	if got := p.problems[0].Error.Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
