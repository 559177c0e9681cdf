// SPDX-License-Identifier: Apache-2.0

package option

import "testing"

// allows reports whether a pattern of repositories matches a URL.
func allows(t *testing.T, pattern, url string) bool {
	t.Helper()
	o := options["repo"]
	p, err := o.Pattern(pattern)
	if err != nil {
		t.Fatalf("the pattern %v", err)
	}
	v, err := o.Parse(url)
	if err != nil {
		t.Fatalf("the URL %v", err)
	}
	return p.Matches(v)
}

func TestAPatternOfURLsIsComparedPartByPart(t *testing.T) {
	t.Parallel()
	const (
		yes = true
		no  = false
	)
	for _, tt := range []struct {
		name, pattern, url string
		want               bool
	}{
		{"every path of a host", "https://github.com/*", "https://github.com/acme/site.git", yes},
		{"every path of a host in other words", "https://github.com", "https://github.com/acme/site.git", yes},
		{"every path in a directory", "https://github.com/acme/*", "https://github.com/acme/site.git", yes},
		{"not the directory itself", "https://github.com/acme/*", "https://github.com/acme", no},
		{"not a directory that begins like it", "https://github.com/acme/*", "https://github.com/acme-evil/site", no},
		{"not a directory of another case", "https://github.com/acme/*", "https://github.com/Acme/site", no},
		{"not a directory further in", "https://github.com/acme/*", "https://github.com/x/acme/site", no},
		{"directories in the directory", "https://gitlab.example/acme/*", "https://gitlab.example/acme/a/b/c", yes},
		{"one repository", "https://github.com/acme/site.git", "https://github.com/acme/site.git", yes},
		{"one repository, written with a slash", "https://github.com/acme/site", "https://github.com/acme/site/", yes},
		{"one repository, written with an encoded letter", "https://github.com/acme/site", "https://github.com/acme/%73ite", yes},
		{"one repository and not another", "https://github.com/acme/site", "https://github.com/acme/site2", no},
		{"one repository and nothing below it", "https://github.com/acme/site", "https://github.com/acme/site/x", no},
		{"a name in every directory", "https://github.com/*/site.git", "https://github.com/acme/site.git", yes},
		{"an ending", "https://github.com/acme/*.git", "https://github.com/acme/site.git", yes},
		{"an ending and not another", "https://github.com/acme/*.git", "https://github.com/acme/site", no},

		{"a host that continues", "https://github.com/*", "https://github.com.evil.example/acme/site", no},
		{"a host that continues, and no path in the pattern", "https://github.com", "https://github.com.evil.example/acme/site", no},
		{"a host that begins before", "https://github.com/*", "https://evilgithub.com/acme/site", no},
		{"a label before the host", "https://github.com/*", "https://evil.github.com/acme/site", no},
		{"the host as a path", "https://github.com/*", "https://evil.example/github.com/acme/site", no},
		{"the pattern as a path", "https://github.com/acme/*", "https://evil.example/https:/github.com/acme/site", no},
		{"the host in other letters", "https://github.com/*", "https://GitHub.COM/acme/site", yes},
		{"the pattern in other letters", "https://GitHub.COM/*", "https://github.com/acme/site", yes},
		{"the host with the dot of a full name", "https://github.com/*", "https://github.com./acme/site", yes},
		{"a minus for a dot", "https://git.hub.com/*", "https://git-hub.com/a", no},
		{"every label before a host", "https://*.example.com/*", "https://git.example.com/a", yes},
		{"every two labels before a host", "https://*.example.com/*", "https://a.b.example.com/a", yes},
		{"not the host without a label", "https://*.example.com/*", "https://example.com/a", no},
		{"not a host that ends like it", "https://*.example.com/*", "https://evil-example.com/a", no},
		{"not a host that goes on", "https://*.example.com/*", "https://git.example.com.evil.example/a", no},
		{"not a path that ends like it", "https://*.example.com/*", "https://evil.example/git.example.com/a", no},
		{"a star in a label", "https://git-*.example.com/*", "https://git-eu.example.com/a", yes},
		{"every host", "https://*/*", "https://anything.example/a", yes},
		{"every host in other words", "https://*", "https://anything.example/a", yes},
		{"a path on every host", "https://*/acme/*", "https://anything.example/acme/x", yes},
		{"a star of hosts does not reach into the path", "https://*.com/acme", "https://evil.example/x.com/acme", no},

		{"https does not mean http", "https://github.com/*", "http://github.com/acme/site", no},
		{"http does not mean https", "http://github.com/*", "https://github.com/acme/site", no},
		{"https does not mean ssh", "https://github.com/*", "ssh://git@github.com/acme/site", no},
		{"http means http", "http://git.internal.example/*", "http://git.internal.example/a", yes},

		{"no port means the one of https", "https://github.com/*", "https://github.com:443/a", yes},
		{"no port means no other", "https://github.com/*", "https://github.com:8443/a", no},
		{"no port of ssh means no other", "ssh://git@github.com/*", "ssh://git@github.com:2222/a", no},
		{"a port means that port", "https://github.com:8443/*", "https://github.com:8443/a", yes},
		{"a port does not mean the one of https", "https://github.com:8443/*", "https://github.com/a", no},
		{"the port of https may be written", "https://github.com:443/*", "https://github.com/a", yes},
		{"a star means every port", "https://github.com:*/*", "https://github.com:8443/a", yes},
		{"a star means the port of https as well", "https://github.com:*/*", "https://github.com/a", yes},
		{"a star of ports is not a star of hosts", "https://github.com:*/*", "https://github.com.evil.example:8443/a", no},
		{"a port without a path", "https://github.com:8443", "https://github.com:8443/a", yes},

		{"a user means that user", "ssh://git@git.acme.example/*", "ssh://git@git.acme.example/a", yes},
		{"a user means no other", "ssh://git@git.acme.example/*", "ssh://root@git.acme.example/a", no},
		{"a user means that case", "ssh://git@git.acme.example/*", "ssh://Git@git.acme.example/a", no},
		{"a user does not mean none", "ssh://git@git.acme.example/*", "ssh://git.acme.example/a", no},
		{"no user means none", "ssh://git.acme.example/*", "ssh://git@git.acme.example/a", no},
		{"no user means no user", "ssh://git.acme.example/*", "ssh://git.acme.example/a", yes},
		{"a star means every user", "ssh://*@git.acme.example/*", "ssh://root@git.acme.example/a", yes},
		{"a star means no user as well", "ssh://*@git.acme.example/*", "ssh://git.acme.example/a", yes},
		{"a star of users is not a star of hosts", "ssh://*@git.acme.example/*", "ssh://git@evil.example/a", no},
		{"a star of hosts is not a star of users", "ssh://*/*", "ssh://git@git.acme.example/a", no},
		{"a user and a port", "ssh://git@git.acme.example:2222/*", "ssh://git@git.acme.example:2222/a", yes},

		{"a star does not mean the metadata service", "https://*/*", "https://169.254.169.254/latest", no},
		{"a star of ports does not either", "https://*:*/*", "https://169.254.169.254:8080/latest", no},
		{"a star does not mean it in IPv6", "https://*:*/*", "https://[fd00:ec2::254]/latest", no},
		{"a star does not mean it in IPv6 clothes", "https://*:*/*", "https://[::ffff:169.254.169.254]/latest", no},
		{"a star does not mean the loopback", "https://*/*", "https://127.0.0.1/a", no},
		{"a star does not mean the loopback of IPv6", "https://*/*", "https://[::1]/a", no},
		{"a star does not mean the loopback for ssh", "ssh://*@*:*/*", "ssh://git@[::1]/a", no},
		{"a network is not a pattern", "https://10.*/*", "https://10.0.0.1/a", no},
		{"a network with a star at the end is not one", "https://10.0.0.*/*", "https://10.0.0.1/a", no},
		{"an address means that address", "https://10.0.0.1/*", "https://10.0.0.1/a", yes},
		{"an address means it in IPv6 clothes", "https://10.0.0.1/*", "https://[::ffff:10.0.0.1]/a", yes},
		{"an address means no other", "https://10.0.0.1/*", "https://10.0.0.11/a", no},
		{"an address does not mean a name that begins so", "https://10.0.0.1/*", "https://10.0.0.1.evil.example/a", no},
		{"an IPv6 address means that address", "https://[fd00::1]/*", "https://[fd00:0:0::1]/a", yes},
		{"an IPv6 address and a port", "https://[fd00::1]:8443/*", "https://[fd00::1]:8443/a", yes},
		{"an IPv6 address and every port", "https://[fd00::1]:*/*", "https://[fd00::1]:8443/a", yes},
		{"an IPv6 address and no port means the one of https", "https://[fd00::1]/*", "https://[fd00::1]:8443/a", no},
		{"an IPv6 address in other letters", "https://[FD00::1]/*", "https://[fd00::1]/a", yes},
		{"an address without a path", "https://[fd00::1]", "https://[fd00::1]/a", yes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := allows(t, tt.pattern, tt.url); got != tt.want {
				t.Errorf("%s allows %s: %t", tt.pattern, tt.url, got)
			}
		})
	}
}

func TestAPatternThatIsNoneIsDenied(t *testing.T) {
	t.Parallel()
	const (
		noURL  = "must be a pattern of a URL, such as https://github.com/acme/*"
		scheme = "; a pattern begins with https://, http:// or ssh://"
		user   = "has a user name, which only ssh URLs have"
		host   = "has no host; write * for any host"
	)
	for _, tt := range []struct{ name, option, pattern, want string }{
		{"everything", "repo", "*", noURL},
		{"a host without a scheme", "repo", "github.com/*", noURL},
		{"an scp-like address", "repo", "git@github.com:acme/*", noURL},
		{"a star as the scheme", "repo", "*://github.com/*", `has the scheme "*"` + scheme},
		{"a file", "repo", "file:///*", `has the scheme "file"` + scheme},
		{"a scheme in capitals", "repo", "HTTPS://github.com/*", `has the scheme "HTTPS"` + scheme},
		{"no host", "repo", "https:///acme/*", host},
		{"nothing behind the scheme", "repo", "https://", host},
		{"a user of https", "repo", "https://git@github.com/*", user},
		{"a password of https", "repo", "https://a:b@github.com/*", user},
		{"a user of no letter", "repo", "ssh://@github.com/*", "has a user name that no URL has; it is a name, or * for any"},
		{"a port without a host", "repo", "https://:443/*", host},
		{"no port behind the colon", "repo", "https://github.com:/*", `has the port ""; a port is a number from 1 to 65535, or *`},
		{"a glob as the port", "repo", "https://github.com:84*/*", `has the port "84*"; a port is a number from 1 to 65535, or *`},
		{"a word as the port", "repo", "https://github.com:https/*", `has the port "https"; a port is a number from 1 to 65535, or *`},
		{"nothing", "repo", "", "must not be empty"},
		{"a line break", "repo", "https://github.com/*\n", `ends with a line break, as a YAML block scalar ("|") adds it; write the value on one line`},
		{"a look-alike", "ref", "mаin*", "has the character U+0430 at position 2; only printable ASCII is allowed"},
		{"a literal that no value can be", "mode", "stream", `must be "poll" or "once"`},
		{"a literal path that no value can be", "mount-path", "/proc/nginx", "lies in /proc, where a mount can break or undermine the container; choose another directory, such as /srv/site"},
		{"a literal number that no value can be", "depth", "0", "must be between 1 and 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := options[tt.option].Pattern(tt.pattern)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestALiteralPatternIsComparedInItsCanonicalForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, option, pattern, value string
		want                         bool
	}{
		{"a duration in other words", "period", "60s", "1m", true},
		{"another duration", "period", "60s", "61s", false},
		{"a hash in capitals", "ref", "ABCDEF0123ABCDEF0123ABCDEF0123ABCDEF0123", "abcdef0123abcdef0123abcdef0123abcdef0123", true},
		{"a number with zeros in front", "depth", "007", "7", true},
		{"a glob of branches", "ref", "release-*", "release-1.2", true},
		{"a glob of branches and another one", "ref", "release-*", "main", false},
		{"a glob of directories", "mount-path", "/srv/*", "/srv/a/b", true},
		{"a glob of directories and another tree", "mount-path", "/srv/*", "/opt/srv/a", false},
		{"a glob of Secrets", "secret", "git-*", "git-site", true},
		{"a glob of Secrets and another one", "secret", "git-*", "digit-site", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options[tt.option]
			p, err := o.Pattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			v, err := o.Parse(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Matches(v); got != tt.want {
				t.Errorf("%s allows %s: %t", tt.pattern, tt.value, got)
			}
		})
	}
}
