// SPDX-License-Identifier: Apache-2.0

package telling

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

func TestAPolicySaysWhoMayBeTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind           option.Kind
		pattern, value string
		want           bool
	}{
		"a URL":                          {loopbackURL, "http://localhost:9090/-/reload", "http://LocalHost:9090/-/reload", true},
		"another path":                   {loopbackURL, "http://localhost:9090/-/reload", "http://localhost:9090/-/quit", false},
		"any path of a port":             {loopbackURL, "http://localhost:9090/*", "http://localhost:9090/-/reload?x=y", true},
		"another port":                   {loopbackURL, "http://localhost:9090/*", "http://localhost:9091/-/reload", false},
		"a port that is another's path":  {loopbackURL, "http://localhost:9090/*", "http://localhost/localhost:9090/", false},
		"any port":                       {loopbackURL, "http://localhost:*/*", "http://localhost:9091/", true},
		"another name of the same":       {loopbackURL, "http://localhost:*/*", "http://127.0.0.1:9091/", false},
		"a signal":                       {signals, "HUP:nginx", "HUP:nginx", true},
		"a signal to another":            {signals, "HUP:nginx", "HUP:web", false},
		"a signal to any":                {signals, "HUP:*", "HUP:web", true},
		"another signal":                 {signals, "HUP:*", "TERM:web", false},
		"statuses":                       {statusList, "2xx,304", "2xx, 304", true},
		"another status than the policy": {statusList, "2xx", "5xx", false},
	} {
		o := option.Option{Name: "x", Kind: tc.kind}
		v, err := o.Parse(tc.value)
		if err != nil {
			t.Errorf("%s: %q is denied: %v", name, tc.value, err)
			continue
		}
		p, err := o.Pattern(tc.pattern)
		if err != nil {
			t.Errorf("%s: the pattern %q is denied: %v", name, tc.pattern, err)
			continue
		}
		if got := p.Matches(v); got != tc.want {
			t.Errorf("%s: %q matches %q: %v, want %v", name, tc.pattern, tc.value, got, tc.want)
		}
	}
}

func TestTheDocOfNotifyNamesItsHeaderOnce(t *testing.T) {
	t.Parallel()
	doc := Options("commit", "Pillion-Commit", "Not the first.")[0].Doc
	if want := "The header `Pillion-Commit` names the commit. Not the first. A policy's"; !strings.Contains(doc, want) {
		t.Errorf("got %q, want in it %q", doc, want)
	}
}
