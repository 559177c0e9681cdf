// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http/httpproxy"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestMistakesInHowServersAreReachedAreNamed(t *testing.T) {
	t.Parallel()
	const at = "spec.helpers[git-poller]."
	testParse(t, []parseTest{
		{"all of it", gitPoller("proxy: {url: 'http://proxy.acme.example:3128', noProxy: [.svc, 10.0.0.0/8], ssh: true, secret: proxy}", "extraCAs: {configMap: acme-cas}", "githubAPI: https://github.acme.example/api/v3"), nil},
		{"a proxy without a URL", gitPoller("proxy: {ssh: true}"), []string{at + "proxy.url: Required value: the proxy's URL, such as http://proxy.acme.example:3128"}},
		{"a proxy with nothing behind it", gitPoller("proxy:"), []string{"line 8: " + at + "proxy: is empty; write a value, or remove it"}},
		{"a password in the URL", gitPoller("proxy: {url: 'http://user:hunter2@proxy:3128'}"), []string{at + `proxy.url: Invalid value: "http://…@proxy:3128": must not contain credentials (what stands before the @): they belong in a Secret; the proxy's URL is one, such as http://proxy.acme.example:3128`}},
		{"a proxy of another kind", gitPoller("proxy: {url: 'socks5://proxy:1080'}"), []string{at + `proxy.url: Invalid value: "socks5://proxy:1080": has the scheme "socks5"; allowed schemes: "http", "https"; the proxy's URL is one, such as http://proxy.acme.example:3128`}},
		{"a path", gitPoller("proxy: {url: 'http://proxy:3128/proxy.pac'}"), []string{at + `proxy.url: Invalid value: "http://proxy:3128/proxy.pac": must have no path behind the host, such as http://proxy.acme.example:3128`}},
		{"a query", gitPoller("proxy: {url: 'http://proxy:3128/?a'}"), []string{at + `proxy.url: Invalid value: "http://proxy:3128/?…": must have no query and no fragment; the proxy's URL is one, such as http://proxy.acme.example:3128`}},
		{"a host that is none", gitPoller("proxy: {url: 'http://$(HOST):3128'}"), []string{at + `proxy.url: Invalid value: "http://$(HOST):3128": has the host "$(host)", which is neither a DNS name nor an IP address; the proxy's URL is one, such as http://proxy.acme.example:3128`}},
		{"noProxy as the variable has it", gitPoller("proxy: {url: 'http://proxy', noProxy: '.svc,10.0.0.0/8'}"), []string{`spec.helpers[git-poller].proxy.noProxy: expected a list, got a string, ".svc,10.0.0.0/8"`}},
		{"ssh as a string", gitPoller("proxy: {url: 'http://proxy', ssh: 'yes'}"), []string{`spec.helpers[git-poller].proxy.ssh: expected true or false, got a string, "yes"`}},
		{"a Secret of another namespace", gitPoller("proxy: {url: 'http://proxy', secret: infra/proxy}"), []string{at + `proxy.secret: Invalid value: "infra/proxy": must be a name without a namespace: only objects in the pod's own namespace can be used`}},
		{"authorities without a name", gitPoller("extraCAs: {}"), []string{at + "extraCAs.configMap: Required value: name the ConfigMap whose key ca.crt holds the authorities"}},
		{"authorities by a wrong name", gitPoller("extraCAs: {configMap: ACME}"), []string{at + `extraCAs.configMap: Invalid value: "ACME": must be an object name: lower-case letters, digits, '-' and '.', such as site-credentials`}},
		{"the API in clear text", gitPoller("githubAPI: http://github.acme.example/api/v3"), []string{at + `githubAPI: Invalid value: "http://github.acme.example/api/v3": has the scheme "http"; allowed schemes: "https"; the API's URL is one such as https://github.acme.example/api/v3`}},
		{"a helper that reaches nobody", file("helpers: {date-writer: {proxy: {url: 'http://proxy'}, extraCAs: {configMap: a}, githubAPI: 'https://a.example'}}"), []string{
			"spec.helpers[date-writer].proxy: Forbidden: date-writer reaches no server outside of the pod by itself; remove it",
			"spec.helpers[date-writer].extraCAs: Forbidden: date-writer reaches no server outside of the pod by itself; remove it",
			"spec.helpers[date-writer].githubAPI: Forbidden: date-writer reaches no server outside of the pod by itself; remove it",
		}},
		{"git-sync", gitPoller("engine: git-sync", "proxy: {url: 'http://proxy', noProxy: [.svc, 10.0.0.0/8, '::1']}", "extraCAs: {configMap: acme-cas}"), nil},
		{"what git-sync has no word for", gitPoller("engine: git-sync", "proxy: {url: 'http://proxy', noProxy: ['a.example:8443', '[::1]:80'], ssh: true, secret: proxy}", "githubAPI: https://a.example"), []string{
			at + "githubAPI: Forbidden: is for auth github-app, which the engine git-sync does not have; remove it, or the engine",
			at + "proxy.ssh: Invalid value: true: the ssh of the engine git-sync knows no proxy; remove it, or the engine",
			at + `proxy.secret: Invalid value: "proxy": the engine git-sync has a proxy's password in its URL alone, where everyone who can see the pod could read it; use a proxy that needs none, or remove the engine`,
			at + `proxy.noProxy[0]: Invalid value: "a.example:8443": the engine git-sync knows no ports here; write the host alone`,
			at + `proxy.noProxy[1]: Invalid value: "[::1]:80": the engine git-sync knows no ports here; write the host alone`,
		}},
	})
}

func TestHowServersAreReachedHasACanonicalForm(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(gitPoller("proxy: {url: 'HTTP://Proxy.ACME.example/', noProxy: ['*.Svc', .svc, A.example, 10.1.2.3/8, '::ffff:10.0.0.1', '[::1]:80', '::1', 'b.example:8443']}", "githubAPI: https://GitHub.acme.example/api/v3/")))
	if err != nil {
		t.Fatal(err)
	}
	want := rule.Reach{
		Proxy: &rule.Proxy{
			URL:     "http://proxy.acme.example:80",
			NoProxy: []string{".svc", ".svc", "a.example", "10.0.0.0/8", "10.0.0.1", "[::1]:80", "::1", "b.example:8443"},
		},
		GitHubAPI: "https://github.acme.example/api/v3",
	}
	if diff := cmp.Diff(want, p.Helpers["git-poller"].Reach); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := Parse([]byte(gitPoller("proxy: {url: 'http://proxy.acme.example:80', noProxy: [.svc, .svc, a.example, 10.0.0.0/8, 10.0.0.1, '[::1]:80', '::1', 'b.example:8443']}", "githubAPI: https://github.acme.example/api/v3")))
	if err != nil || again.Hash != p.Hash {
		t.Errorf("the same in other words has the hash %v, %v; want %s", again, err, p.Hash)
	}
}

// The oracle is the library by whose rules git-poller reads the list.
func FuzzNoProxyMeansWhatTheProgramTakesItFor(f *testing.F) {
	for _, text := range []string{
		"*", ".svc", "*.svc", "*svc", "svc", "a.example:443", "A.Example", "10.0.0.1", "10.1.2.3/8", "10.0.0", "10.0.*", "::1", "[::1]", "[::1]:443", "fe80::1%eth0",
		"2001:db8::1/32", "::ffff:10.0.0.1", "a,b", "https://a.example", "a b", "a.example:", "a.example:99999", ":443", "", ".", "..", "-a",
	} {
		f.Add(text)
	}
	targets := []string{"a.example", "b.a.example", "a.example:8443", "svc", "x.svc", "10.0.0.1", "10.1.2.3", "[::1]", "[2001:db8::1]", "[2001:db8::1]:8443", "example", "xsvc"}
	f.Fuzz(func(t *testing.T, text string) {
		canonical, err := noProxy(text)
		if err != nil {
			return
		}
		if again, err := noProxy(canonical); err != nil || again != canonical {
			t.Fatalf("%q is %q, and that is %q, %v", text, canonical, again, err)
		}
		// Targets of the entry's own, so that each entry that is accepted does something.
		host := strings.TrimPrefix(canonical, ".")
		if address, _, found := strings.Cut(host, "/"); found {
			host = address
		}
		if strings.Count(host, ":") > 1 && host[0] != '[' {
			host = "[" + host + "]"
		}
		own := fmt.Sprintf("https://%s/", host)
		if strings.HasPrefix(canonical, ".") {
			own = fmt.Sprintf("https://x.%s/", host)
		}
		if !direct(t, canonical, own) {
			t.Errorf("%q, accepted as %q, does not cover %s", text, canonical, own)
		}
		for _, target := range targets {
			target = "https://" + target + "/"
			if written, read := direct(t, text, target), direct(t, canonical, target); written != read {
				t.Errorf("%q without a proxy: %t with %q, and %t with %q", target, written, text, read, canonical)
			}
		}
	})
}

// direct reports whether a URL is reached without the proxy.
func direct(t *testing.T, noProxy, target string) bool {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	via, err := (&httpproxy.Config{HTTPSProxy: "http://proxy", NoProxy: noProxy}).ProxyFunc()(u)
	if err != nil {
		t.Fatal(err)
	}
	return via == nil
}
