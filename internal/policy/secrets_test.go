// SPDX-License-Identifier: Apache-2.0

package policy

import "testing"

func TestASecretIsSentWhereThePolicySays(t *testing.T) {
	t.Parallel()
	const spec = `apiVersion: pillion.dev/v1alpha1
kind: InjectionPolicy
metadata: {name: web}
spec:
  helpers:
    git-poller:
      options: {repo: {allow: ["https://*.acme.example/*", "https://github.com/*"]}}
      secrets:
      - {name: git-*, repo: ["https://git.acme.example/*"]}
      - {name: hub, repo: ["https://github.com/acme/*"]}
`
	p := mustParse(t, spec)
	const key, team = "git-poller.pillion.dev/secret", "; the platform team can change this in the policy, spec.helpers[git-poller].secrets"
	denied := func(secret, why string) string {
		return "metadata.annotations[" + key + `]: Invalid value: "` + secret + `": policy "web" does not allow this value: ` + why + team
	}
	for _, tt := range []struct{ name, repo, secret, want string }{
		{"to its host", "https://git.acme.example/site", "git-site", ""},
		{"to its host in other letters", "https://GIT.acme.example:443/site", "git-site", ""},
		{"another to its own", "https://github.com/acme/site", "hub", ""},
		{"to the other's host", "https://github.com/acme/site", "git-site", denied("git-site", `it may be sent to "https://git.acme.example/*" only, not to https://github.com/acme/site`)},
		{"to another host of the same domain", "https://x.acme.example/site", "git-site", denied("git-site", `it may be sent to "https://git.acme.example/*" only, not to https://x.acme.example/site`)},
		{"to another port", "https://git.acme.example:8443/site", "git-site", ""},
		{"one that is not listed", "https://git.acme.example/site", "db", denied("db", "the policy's list of secrets does not have it")},
		{"none at all", "https://github.com/other/site", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pairs := []string{"git-poller.pillion.dev/repo", tt.repo, "git-poller.pillion.dev/mount-path", "/srv"}
			if tt.secret != "" {
				pairs = append(pairs, key, tt.secret)
			}
			if tt.name == "to another port" { // which the rule of repo denies as well
				if got := decide(p, pairs...); len(got.Problems) != 2 {
					t.Errorf("got %s", got.Message())
				}
				return
			}
			if got := decide(p, pairs...).Message(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSecretsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	testParse(t, []parseTest{
		{"no repository", file("helpers: {git-poller: {secrets: [{name: a, repo: []}]}}"), []string{"spec.helpers[git-poller].secrets[0].repo: Required value: names the repositories to which the Secret may be sent, such as https://git.acme.example/*"}},
		{"a repository that is none", file("helpers: {git-poller: {secrets: [{name: a, repo: [github.com/acme]}]}}"), []string{`spec.helpers[git-poller].secrets[0].repo[0]: Invalid value: "github.com/acme": must be a pattern of a URL, such as https://github.com/acme/*`}},
		{"a helper without Secrets", file("helpers: {date-writer: {secrets: [{name: a, repo: [https://a/*]}]}}"), []string{"spec.helpers[date-writer].secrets: Forbidden: is for helpers with the options secret and repo; remove it"}},
	})
}
