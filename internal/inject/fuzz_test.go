// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// everything of a value is compared: what a helper reads into it is the helper's own.
var everything = cmp.Exporter(func(reflect.Type) bool { return true })

// FuzzParse reads one annotation. Whatever it holds, it ends as values or as problems,
// and a value's canonical form is plain text that reads as itself.
func FuzzParse(f *testing.F) {
	for _, h := range builtin.All() {
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
		p := parse(builtin, map[string]string{key: value}, nil)
		for _, problem := range p.problems {
			if problem.Reason != reason.UnknownAnnotation && problem.Reason != reason.InvalidValue {
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
			for _, name := range r.Helper.OptionNames() {
				if !r.Has(name) {
					continue
				}
				v := r.Value(name)
				if strings.ContainsFunc(v.Text, func(c rune) bool { return c < 0x20 || c > 0x7e }) || v.Text == "" {
					t.Errorf("%s has the canonical form %q", name, v.Text)
				}
				again, err := r.Helper.Option(name).Parse(v.Text)
				if err != nil {
					t.Fatalf("the canonical form %q of %q %v", v.Text, value, err)
				}
				if diff := cmp.Diff(v, again, everything); diff != "" {
					t.Errorf("the canonical form is another value (-first +second):\n%s", diff)
				}
			}
		}
	})
}

// FuzzDeniedCredential puts a password into a URL and looks for it in the denial.
func FuzzDeniedCredential(f *testing.F) {
	for _, seed := range [][3]string{{"https", "user", "github.com/a"}, {"ssh", "git", "github.com:x/a"}, {"ftp", "", "\n"}, {"https", "a@b/c?d#e", "%zz"}, {"https", "[::1", "]"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		const password = "hunter2"
		text := scheme + "://" + user + ":" + password + "@" + rest
		if strings.Contains(scheme+user+rest, password) || strings.ContainsAny(scheme, ":/@") {
			t.Skip("the password stands where no password does")
		}
		for _, problem := range parse(builtin, map[string]string{keyRepo: text}, nil).problems {
			if got := problem.Error.Error(); strings.Contains(got, password) {
				t.Errorf("%q is repeated: %s", text, got)
			}
		}
	})
}
