// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"strings"
	"testing"
)

func TestAHostThatTwoProgramsReadDifferentlyIsDenied(t *testing.T) {
	t.Parallel()
	const (
		name  = "has the host %q, which is neither a DNS name nor an IP address"
		oddIP = "has the host %q, which some programs take for an IP address and some for a name"
		zone  = "must not have an IPv6 zone"
		port  = "has the port %q; a port is a number from 1 to 65535"
	)
	for _, tt := range []struct{ name, url, want, part string }{
		{"an IPv4 address of two parts", "https://127.1/a", oddIP, "127.1"},
		{"an IPv4 address of three parts", "https://127.0.1/a", oddIP, "127.0.1"},
		{"an IPv4 address as one number", "https://2130706433/a", oddIP, "2130706433"},
		{"an IPv4 address as one octal number", "https://017700000001/a", oddIP, "017700000001"},
		{"an IPv4 address as one hexadecimal number", "https://0x7f000001/a", oddIP, "0x7f000001"},
		{"an IPv4 address with an octal part", "https://0177.0.0.1/a", oddIP, "0177.0.0.1"},
		{"an IPv4 address with a zero in front of a part", "https://127.0.0.01/a", oddIP, "127.0.0.01"},
		{"an IPv4 address with a hexadecimal last part", "https://127.0.0.0x1/a", oddIP, "127.0.0.0x1"},
		{"an IPv4 address with a hexadecimal first part", "https://0x7f.1/a", oddIP, "0x7f.1"},
		{"a hexadecimal address in upper case", "https://0X7F000001/a", oddIP, "0x7f000001"},
		{"an IPv4 address of five parts", "https://1.2.3.4.5/a", oddIP, "1.2.3.4.5"},
		{"an IPv4 address with a part that is too large", "https://256.0.0.1/a", oddIP, "256.0.0.1"},
		{"a name whose last label is digits", "https://example.123/a", oddIP, "example.123"},
		{"an odd address with the dot of a full name", "https://127.1./a", oddIP, "127.1"},

		{"an underscore", "https://git_hub.com/a", name, "git_hub.com"},
		{"an empty label", "https://git..hub/a", name, "git..hub"},
		{"two dots at the end", "https://github.com../a", name, "github.com."},
		{"a dot at the beginning", "https://.github.com/a", name, ".github.com"},
		{"a minus at the beginning, as an option of ssh", "ssh://-oProxyCommand/a", name, "-oproxycommand"},
		{"a minus behind a user", "ssh://git@-oProxyCommand/a", name, "-oproxycommand"},
		{"a minus at the end", "https://github-.com/a", name, "github-.com"},
		{"a star", "https://*.github.com/a", name, "*.github.com"},
		{"a dollar", "https://$(HOST)/a", name, "$(host)"},
		{"a comma", "https://github.com,evil.example/a", name, "github.com,evil.example"},
		{"a semicolon", "https://github.com;evil.example/a", name, "github.com;evil.example"},
		{"an apostrophe", "https://git'hub.com/a", name, "git'hub.com"},
		{"an equals sign", "https://a=b/c", name, "a=b"},
		{"an encoded letter that is not ASCII", "https://%e2%93%94.example/a", name, "ⓔ.example"},
		{"an encoded full stop of another script", "https://github%e3%80%82com/a", name, "github。com"},
		{"an encoded zero-width space", "https://git%e2%80%8bhub.com/a", name, "git\u200bhub.com"},
		{"a name of 254 bytes", "https://" + strings.Repeat("a.", 126) + "aa/a", name, strings.Repeat("a.", 126) + "aa"},

		{"an IPv6 zone", "https://[fe80::1%25eth0]/a", zone, ""},
		{"an IPv6 zone on a mapped IPv4 address", "https://[::ffff:127.0.0.1%25lo]/a", zone, ""},

		{"port 0", "https://github.com:0/a", port, "0"},
		{"a port of zeros", "https://github.com:000/a", port, "000"},
		{"a port above the highest", "https://github.com:65536/a", port, "65536"},
		{"a port of many digits", "https://github.com:99999999999999999999/a", port, "99999999999999999999"},
		{"no port behind the colon", "https://github.com:/a", "has a colon but no port behind the host", ""},
		{"no port behind the colon of an address", "https://[::1]:/a", "has a colon but no port behind the host", ""},

		{"a port of letters", "https://github.com:https/a", notURL, ""},
		{"a signed port", "https://github.com:+443/a", notURL, ""},
		{"a negative port", "https://github.com:-1/a", notURL, ""},
		{"two ports", "https://github.com:443:443/a", notURL, ""},
		{"an IPv6 address without brackets", "https://::1/a", notURL, ""},
		{"a bracket that is not closed", "https://[::1/a", notURL, ""},
		{"a bracket that is not opened", "https://::1]/a", notURL, ""},
		{"text behind the bracket", "https://[::1]evil.example/a", notURL, ""},
		{"an IPv4 address in brackets", "https://[127.0.0.1]/a", notURL, ""},
		{"a name in brackets", "https://[github.com]/a", notURL, ""},
		{"an IPvFuture address", "https://[v1.x]/a", notURL, ""},
		{"an encoded digit", "https://%31%32%37.0.0.1/a", notURL, ""},
		{"an encoded dot", "https://github%2ecom/a", notURL, ""},
		{"an encoded slash", "https://github.com%2f@evil.example/a", noCredential, ""},
		{"a backslash that browsers take for a slash", `https://github.com\@evil.example/a`, notURL, ""},
		{"a backslash behind the host", `https://github.com\.evil.example/a`, notURL, ""},
		{"a space in the host", "https://git hub.com/a", notURL, ""},
		{"a quote in the host", `https://git"hub.com/a`, name, `git"hub.com`},
		{"a query that browsers end the host with", "https://github.com?@evil.example/a", noQuery, ""},
		{"a fragment that browsers end the host with", "https://github.com#@evil.example/a", noQuery, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			why := tt.want
			if tt.part != "" {
				why = fmt.Sprintf(tt.want, tt.part)
			}
			_, got := parseOne(t, "repo", tt.url)
			shown := WithoutCredentials(tt.url)
			if len(shown) > 128 {
				shown = fmt.Sprintf("%s… (%d bytes)", shown[:128], len(shown))
			}
			if want := wrong(shown, why); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAnAddressIsKnownAsOne(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://169.254.169.254/a":          true,
		"https://169.254.169.254./a":         true,
		"https://[::1]/a":                    true,
		"https://[fd00:ec2::254]/a":          true,
		"https://[::ffff:169.254.169.254]/a": true,
		"ssh://git@10.0.0.1:2222/a":          true,
		"https://github.com/a":               false,
		"https://10.0.0.1.example/a":         false,
		"https://localhost/a":                false,
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			v, problem := parseOne(t, "repo", url)
			if problem != "" {
				t.Fatal(problem)
			}
			if RepositoryOf(v).IP != want {
				t.Errorf("an address: %t, want %t", RepositoryOf(v).IP, want)
			}
		})
	}
}

func TestWhatCouldBeACredentialIsNotRepeated(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://db.example/a":         "https://db.example/a",
		"https://u:hunter2@db.example": "https://…@db.example",
		"https://u:hunter2%40@db":      "https://…@db",
		"https://u:hunter2%40db":       "https://…%40db",
		"u:hunter2@db":                 "…@db",
		"@db":                          "…@db",
		"@db?hunter2":                  "…",
		"https://db/a?hunter2":         "https://db/a?…",
		"https://db/a#hunter2":         "https://db/a#…",
		"?hunter2":                     "?…",
		"?@hunter2":                    "…",
		"https://u@db/a?hunter2":       "https://…",
		"https://u?a@hunter2":          "https://…",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got := WithoutCredentials(text); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
