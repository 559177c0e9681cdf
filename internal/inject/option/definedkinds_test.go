// SPDX-License-Identifier: Apache-2.0

package option

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKindsThatDefinitionsBring(t *testing.T) {
	t.Parallel()
	word := String(regexp.MustCompile("[a-z]+|x-[0-9]"), 5)
	for _, tt := range []struct {
		name      string
		option    Option
		text      string
		want, err string
	}{
		{"a string that matches", Option{Kind: word}, "abc", "abc", ""},
		{"a string whose second alternative matches", Option{Kind: word}, "x-1", "x-1", ""},
		{"a pattern covers the whole string", Option{Kind: word}, "abc1", "", "must match the pattern [a-z]+|x-[0-9]"},
		{"a pattern covers the beginning as well", Option{Kind: word}, "1abc", "", "must match the pattern [a-z]+|x-[0-9]"},
		{"a string that is too long", Option{Kind: word}, "abcdef", "", "is 6 bytes long; the limit is 5"},
		{"a string without a pattern", Option{Kind: String(nil, 0)}, "a $(B) 'c'", "a $(B) 'c'", ""},
		{"a URL is lower-cased as far as case has no meaning", Option{Kind: URL()}, "HTTPS://Example.COM/A", "https://example.com/A", ""},
		{"a URL with a query", Option{Kind: URL()}, "http://a:80/b?c=d", "http://a:80/b?c=d", ""},
		{"a URL of another scheme", Option{Kind: URL()}, "ftp://a/b", "", `has the scheme "ftp"; allowed schemes: "https", "http"`},
		{"a URL with credentials", Option{Kind: URL()}, "https://u:p@a/b", "", "must not contain credentials (what stands before the @): they belong in a Secret"},
		{"a URL without a host", Option{Kind: URL()}, "https:///b", "", "has no host"},
		{"a URL with a port that is none", Option{Kind: URL()}, "https://a:0/b", "", `has the port "0"; a port is a number from 1 to 65535`},
		{"no URL", Option{Kind: URL()}, "example.com", "", "must be a URL, such as https://example.com/path"},
		{"a port", Option{Kind: Port}, "08080", "8080", ""},
		{"port 0", Option{Kind: Port}, "0", "", "must be the number of a port, from 1 to 65535"},
		{"a port too high", Option{Kind: Port}, "65536", "", "must be the number of a port, from 1 to 65535"},
		{"a port out of bounds", Option{Kind: Port, Min: "1024", Max: "9999"}, "80", "", "must be between 1024 and 9999"},
		{"a list", Option{Kind: List(&Option{Kind: Duration}, 2)}, "60s, 5s", "1m,5s", ""},
		{"a list with an element that is wrong", Option{Kind: List(&Option{Kind: Duration}, 2)}, "1m,x", "", `must be a comma list, in which "x" must be a duration with a unit, such as 500ms, 30s, 10m or 1h30m`},
		{"a list with an element twice", Option{Kind: List(&Option{Kind: Duration}, 2)}, "1m,60s", "", `has "1m" twice`},
		{"a list that is too long", Option{Kind: List(&Option{Kind: Port}, 2)}, "1,2,3", "", "has 3 elements; the limit is 2"},
		{"a list with nothing between two commas", Option{Kind: List(&Option{Kind: Port}, 0)}, "1,,2", "", `must be a comma list, in which "" must not be empty`},
		{"a list of bounded elements", Option{Kind: List(&Option{Kind: Integer, Min: "1", Max: "3"}, 0)}, "1,4", "", `must be a comma list, in which "4" must be between 1 and 3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := tt.option.Parse(tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff([2]string{tt.want, tt.err}, [2]string{v.Text, got}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err == nil {
				if again, err := tt.option.Parse(v.Text); err != nil || again.Text != v.Text {
					t.Errorf("the canonical form %q reads as %q, %v", v.Text, again.Text, err)
				}
			}
		})
	}
}

func TestPatternsOfURLsAndLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		kind           Kind
		pattern, value string
		want           bool
	}{
		{"a star of hosts", URL(), "https://*.example.com/*", "https://a.example.com/b", true},
		{"a star of hosts does not reach into the path", URL(), "https://*.example.com/*", "https://evil.test/x.example.com/b", false},
		{"a star of hosts does not reach into the query", URL(), "https://*.example.com/*", "https://evil.test?x.example.com/b", false},
		{"a star of paths does not mean another host", URL(), "https://example.com/*", "https://example.com.evil.test/", false},
		{"a URL without a path is at its root", URL(), "https://example.com/*", "https://example.com", true},
		{"another scheme", URL(), "https://*/*", "http://a/b", false},
		{"each element of a list", List(&Option{Kind: String(nil, 0)}, 0), "a*", "ab", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := tt.kind.Pattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			v, err := tt.kind.Read(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Matches(v); got != tt.want {
				t.Errorf("%s matches %s: %t", tt.pattern, tt.value, got)
			}
		})
	}
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{"https://a/b", "HTTPS://A.b:443/?x#y", "https://a:b@c/", "https://[::1]:8/", "http://%41/", "https://a\\@b/"} {
		f.Add(seed)
	}
	kind := URL()
	f.Fuzz(func(t *testing.T, text string) {
		v, err := kind.Read(text)
		if err != nil {
			return
		}
		again, err := kind.Read(v.Text)
		if err != nil || again.Text != v.Text {
			t.Errorf("the canonical form %q of %q reads as %q, %v", v.Text, text, again.Text, err)
		}
		if strings.Contains(strings.SplitN(strings.SplitN(v.Text, "://", 2)[1], "/", 2)[0], "@") && !strings.Contains(v.Text, "?") && !strings.Contains(v.Text, "#") {
			t.Errorf("%q holds a credential", v.Text)
		}
	})
}
