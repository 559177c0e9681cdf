// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// expand is what the kubelet does to commands, arguments and exec probes, as documented
// at Container.Args: $(NAME) is replaced by the variable, $$ is a dollar, and what is
// neither stays. Here every variable is defined.
func expand(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		end := strings.IndexByte(text[i:], ')')
		switch {
		case strings.HasPrefix(text[i:], "$$"):
			out.WriteByte('$')
			i++
		case strings.HasPrefix(text[i:], "$(") && end > 0:
			out.WriteString("EXPANDED")
			i += end
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// words are all words of an alphabet up to a length, the empty one first.
func words(alphabet string, longest int) []string {
	all := []string{""}
	for from, n := 0, 0; n < longest; n++ {
		to := len(all)
		for _, word := range all[from:to] {
			for _, letter := range alphabet {
				all = append(all, word+string(letter))
			}
		}
		from = to
	}
	return all
}

func TestTheOracleExpandsAsDocumented(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "a", "$": "$", "$$": "$", "$$$": "$$", "$a": "$a", "$(A)": "EXPANDED", "$$(A)": "$(A)", "$$$(A)": "$EXPANDED",
		"$(A": "$(A", "$()": "EXPANDED", "a$(A)b$(B)c": "aEXPANDEDbEXPANDEDc", "$($(A))": "EXPANDED)", "${A}": "${A}",
	} {
		if got := expand(text); got != want {
			t.Errorf("%q expands to %q, want %q", text, got, want)
		}
	}
}

func TestTheKubeletGivesBackWhatWasEscaped(t *testing.T) {
	t.Parallel()
	changed := 0
	for _, text := range words("$()A", 7) {
		if got := expand(helper.Literal(text)); got != text {
			t.Fatalf("%q arrives as %q", text, got)
		}
		if expand(text) != text {
			changed++
		}
	}
	if changed < 1000 {
		t.Errorf("only %d texts would have changed without escaping: the test is weak", changed)
	}
}

func TestNoValueOfAPodIsExpandedByTheKubelet(t *testing.T) {
	t.Parallel()
	const hostile = "$(HOME)$$(HOME)$$$x$"
	pod := MakePod("web").Git(
		keyRef, hostile, "git-poller.pillion.dev/subdir", hostile, keyMountPath, "/srv/"+hostile, keySecret, "s",
	).Date("date-writer.pillion.dev/file", hostile, keyDatePath, "/srv/date/"+hostile).Obj()
	d := decide(pod)
	if d.Result != reason.Injected || len(d.Plan.Containers) != 2 {
		t.Fatalf("%s: %s", d.Result, d.Message())
	}
	date, git := d.Plan.Containers[0].Container, d.Plan.Containers[1].Container
	var texts []string
	for _, list := range [][]string{date.Command, date.Args, date.StartupProbe.Exec.Command, git.Command, git.Args, git.StartupProbe.Exec.Command} {
		for _, text := range list {
			texts = append(texts, expand(text))
		}
	}
	for text, times := range map[string]int{"--ref=" + hostile: 1, "--subdir=" + hostile: 1, "--file=/pillion/content/" + hostile: 2} {
		if got := len(slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s != text })); got != times {
			t.Errorf("%q arrives %d times, want %d; the helpers get %q", text, got, times, texts)
		}
	}
	if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "EXPANDED") }) {
		t.Errorf("something is expanded: %q", texts)
	}
	for _, c := range d.Plan.Containers { // nothing else of a container is expanded, and no variable is defined
		if len(c.Container.Env)+len(c.Container.EnvFrom) > 0 {
			t.Errorf("%s has an environment", c.Container.Name)
		}
		for _, m := range c.Container.VolumeMounts {
			if m.SubPath != "" || m.SubPathExpr != "" {
				t.Errorf("%s has the subPath %q %q", c.Container.Name, m.SubPath, m.SubPathExpr)
			}
		}
	}
}
