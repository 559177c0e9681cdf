// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
)

func TestOnlyTheFormOfPillionIsTakenForItsStatus(t *testing.T) {
	t.Parallel()
	const good = `{"version":"v0.1.0","policy":"web","policyHash":"sha256:0123456789ab","result":"Injected","reason":"Requested","violations":["OptionNotAllowed"],` +
		`"helpers":[{"helper":"git-poller","instance":"docs","container":"pillion-docs-git-poller","volumes":["pillion-docs-git-poller"],"containers":["web.1"],"reason":"Requested"}],"renewed":["pillion-bin"]}`
	with := func(old, replacement string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in the status", old)
		}
		return strings.Replace(good, old, replacement, 1)
	}
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"as Pillion writes it":                {good, true},
		"of a newer version, with more to it": {with(`"renewed"`, `"future":{"x":"\u001b[2J"},"renewed"`), true},
		"no JSON":                             {"injected", false},
		"empty":                               {"", false},
		"no object":                           {`"x"`, false},
		"null":                                {"null", false},
		"another result":                      {with(`"Injected"`, `"Denied"`), false},
		"a version with an escape":            {with("v0.1.0", `v0.1.0\u001b[31m`), false},
		"a version with a row":                {with("v0.1.0", `v0.1.0\nevil  Current`), false},
		"a version with a column":             {with("v0.1.0", `v0.1.0\tweb`), false},
		"a version with a space":              {with("v0.1.0", "v0.1.0 web"), false},
		"a version that is long":              {with("v0.1.0", strings.Repeat("v", 129)), false},
		"a policy written from the right":     {with(`"web"`, `"\u202ebew"`), false},
		"a policy in other letters":           {with(`"web"`, `"wеb"`), false}, // a Cyrillic e
		"a hash that is none":                 {with("sha256:", "md5:"), false},
		"a reason in words":                   {with(`"reason":"Requested","violations"`, `"reason":"all is well","violations"`), false},
		"a violation in words":                {with("OptionNotAllowed", "no violation"), false},
		"a helper with an escape":             {with(`"helper":"git-poller"`, `"helper":"\u009b2J"`), false},
		"an instance with an escape":          {with(`"docs"`, `"\u001b"`), false},
		"a container with a line end":         {with("pillion-docs-git-poller", `pillion\n`), false},
		"a volume of zero width":              {with(`["pillion-docs-git-poller"]`, `["\u200b"]`), false},
		"an app's container with a bell":      {with("web.1", `web\u0007`), false},
		"a renewed name with an escape":       {with("pillion-bin", `\u001b`), false},
		"many helpers":                        {with(`"helpers":[`, `"helpers":[`+strings.Repeat(`{"helper":"a","reason":"Requested"},`, mostHelpers)), false},
		"many names":                          {with(`["web.1"]`, `["a"`+strings.Repeat(`,"a"`, mostNames)+`]`), false},
		"long":                                {good + strings.Repeat(" ", longestStatus), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := readStatus(c.text) != nil; got != c.want {
				t.Errorf("it is taken for Pillion's: %v, want %v", got, c.want)
			}
		})
	}
}

func TestAStatusThatIsNotPillions(t *testing.T) {
	t.Parallel()
	const sentence = "the annotation pillion.dev/status was not written by Pillion: it does not have the form that Pillion gives it, so nothing in it is shown or believed"
	forged := `{"version":"\u001b[2J","policy":"web","result":"Injected","helpers":[{"helper":"x\ny"}]}`
	for name, c := range map[string]struct {
		annotations map[string]string
		state       State
		codes       []Code
	}{
		"of a pod that asks":        {map[string]string{dateMount: "/html", inject.StatusAnnotation: forged}, Missing, []Code{ForeignStatus, NotInjected}},
		"of a pod that does not":    {map[string]string{inject.StatusAnnotation: forged}, Changed, []Code{ForeignStatus}},
		"of a pod with a plain lie": {map[string]string{inject.StatusAnnotation: "ok"}, Changed, []Code{ForeignStatus}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &Look{
				Injector: version, Newest: Newest{}, Cluster: clusterWith(nil, webhook("default", nil)),
				Policies: &Policies{ByName: map[string]*inject.Policy{"default": policyOf(t, "default", "{date-writer: }")}},
			}
			in := read(t, podAsking(c.annotations))
			if !in.Concerns() {
				t.Error("no one would check it")
			}
			got := l.Judge(in)
			var codes []Code
			for _, f := range got.Findings {
				codes = append(codes, f.Code)
			}
			if diff := cmp.Diff(c.codes, codes); got.State != c.state || got.Good() || diff != "" {
				t.Errorf("the state is %s, want %s; the findings (-want +got):\n%s", got.State, c.state, diff)
			}
			if got.Findings[0].Text != sentence {
				t.Errorf("it says %q", got.Findings[0].Text)
			}
			if got.Version != "" || got.Policy != "" || len(got.Helpers) != 0 {
				t.Errorf("the forged status is shown: %+v", got)
			}
		})
	}
}

// Whatever the annotation holds, what is shown of it is letters, digits and a few signs.
func FuzzStatusForm(f *testing.F) {
	f.Add(`{"version":"v0.1.0","policy":"web","policyHash":"sha256:00","result":"Injected","reason":"Requested","helpers":[{"helper":"a","container":"b","reason":"Requested"}]}`)
	f.Add(`{"VERSION":"\u001b[2J","result":"Skipped","reason":"A"}`)
	f.Add("{\"version\":\"\xc2\x9b\",\"result\":\"Skipped\",\"reason\":\"A\"}")
	f.Fuzz(func(t *testing.T, text string) {
		s := readStatus(text)
		if s == nil {
			return
		}
		for i := range s.Helpers {
			s.Helpers[i].Settings = nil // not shown
		}
		shown, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(shown) {
			if r > unicode.MaxASCII || !unicode.IsPrint(r) || r == '\\' || r == ' ' {
				t.Fatalf("%q is shown of %q", shown, text)
			}
		}
	})
}
