// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestRedirectsMayLeadWhereThePodCouldGoItself(t *testing.T) {
	t.Parallel()
	const github, acme, inner = "https://github.com/acme/site.git", "https://github.com/acme/*", "https://10.0.0.1:8443/site"
	for _, tt := range []struct {
		name, repo string
		rule       *rule.Spec
		warns      bool
		want       []string
	}{
		{"a policy without a rule", github, nil, false, []string{"--redirect=https://github.com/*"}},
		{"a policy without a rule, and an address", inner, nil, false, []string{"--redirect=https://10.0.0.1:8443/*"}},
		{"a policy without a rule, and an address of version 6", "https://[fd00::1]/site", nil, false, []string{"--redirect=https://[fd00::1]/*"}},
		{"a default is no rule", github, &rule.Spec{Default: new(rule.Text(github))}, false, []string{"--redirect=https://github.com/*"}},
		{"patterns", github, &rule.Spec{Allow: rule.Texts{acme, "https://github.com/shared/*"}}, false, []string{"--redirect=" + acme, "--redirect=https://github.com/shared/*"}},
		{"those of the same host alone", github, &rule.Spec{Allow: rule.Texts{"https://git.acme.example/*", acme, "ssh://git@github.com/*", "https://*.com"}}, false, []string{"--redirect=" + acme, "--redirect=https://*.com"}},
		{"those of both schemes, as a server may redirect to https", "http://git.example/a", &rule.Spec{Allow: rule.Texts{"http://git.example/*", "https://git.example/*"}}, false, []string{"--redirect=http://git.example/*", "--redirect=https://git.example/*"}},
		{"an address is not meant by a star", inner, &rule.Spec{Allow: rule.Texts{"https://*:*/*", "https://10.0.0.1:*/*"}}, false, []string{"--redirect=https://10.0.0.1:*/*"}},
		{"a fixed value", github, &rule.Spec{Fixed: new(rule.Text(github)), Allow: rule.Texts{acme}}, false, []string{"--redirect=" + github}},
		{"a policy that only warns", "https://github.com/other/site", &rule.Spec{Allow: rule.Texts{acme}}, true, []string{"--redirect=https://github.com/*"}},
		{"ssh, which knows no redirect", "ssh://git@github.com/acme/site", nil, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			p.Warn = tt.warns
			if tt.rule != nil {
				p = withRule(t, p, "git-poller", "repo", *tt.rule)
			}
			annotations := []string{keyRepo, tt.repo}
			if !strings.HasPrefix(tt.repo, "http:") { // where a Secret is denied
				annotations = append(annotations, keySecret, "s")
			}
			d := Injector{}.Decide(MakePod("web").Git(annotations...).Obj(), p, nil)
			if diff := cmp.Diff(tt.want, flagsOf(t, d, "--redirect")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Without credentials the helper follows the server to each repository of its host.
func TestRedirectsOfAPodWithoutCredentialsAreSaidIfThePolicyLimitsThem(t *testing.T) {
	t.Parallel()
	const github, acme = "https://github.com/acme/site.git", "https://github.com/acme/*"
	for name, tt := range map[string]struct {
		repo string
		rule *rule.Spec
		want []string
	}{
		"a policy without a rule":                {github, nil, nil},
		"every repository":                       {github, &rule.Spec{Allow: rule.Texts{"https://*:*/*"}}, nil},
		"every repository of the host":           {github, &rule.Spec{Allow: rule.Texts{"https://github.com/*", acme}}, nil},
		"every repository on another port":       {github, &rule.Spec{Allow: rule.Texts{"https://github.com:8443/*", acme}}, []string{"--redirect=https://github.com:8443/*", "--redirect=" + acme}},
		"those of an owner":                      {github, &rule.Spec{Allow: rule.Texts{acme}}, []string{"--redirect=" + acme}},
		"every repository, over plain http only": {"http://git.example/a", &rule.Spec{Allow: rule.Texts{"http://*:*/*"}}, []string{"--redirect=http://*:*/*"}},
		"one":                                    {github, &rule.Spec{Fixed: new(rule.Text(github))}, []string{"--redirect=" + github}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			if tt.rule != nil {
				p = withRule(t, p, "git-poller", "repo", *tt.rule)
			}
			d := Injector{}.Decide(MakePod("web").Git(keyRepo, tt.repo).Obj(), p, nil)
			if diff := cmp.Diff(tt.want, flagsOf(t, d, "--redirect")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestALoginAsAGitHubApp(t *testing.T) {
	t.Parallel()
	const auth = "git-poller.pillion.dev/auth"
	plain := []string{"--auth=basic", "--auth-dir=/pillion/auth"}
	app := []string{"--auth=github-app", "--auth-dir=/pillion/auth"}
	for _, tt := range []struct {
		name        string
		annotations []string
		rule        *rule.Spec
		api         string
		want        []string
		keys        []string
		sentence    string
	}{
		{"asked for", []string{keySecret, "s", auth, "github-app"}, nil, "", app, []string{"githubAppID", "githubAppInstallationID", "githubAppPrivateKey"}, ""},
		{"with the API of the policy", []string{keySecret, "s", auth, "github-app"}, nil, "https://github.acme.example/api/v3", append(app[:2:2], "--github-api=https://github.acme.example/api/v3"), []string{"githubAppID", "githubAppInstallationID", "githubAppPrivateKey"}, ""},
		{"the API alone is for nobody", []string{keySecret, "s"}, nil, "https://github.acme.example/api/v3", plain, nil, ""},
		{"without a Secret", []string{auth, "github-app"}, nil, "", nil, nil, wrong(auth, "github-app", "needs a Secret: set "+keySecret)},
		{"over ssh", []string{keyRepo, "ssh://git@github.com/acme/site", keySecret, "s", auth, "github-app"}, nil, "", nil, nil, wrong(auth, "github-app", `an ssh URL is used with "ssh"; change the URL, or leave auth out`)},
		{"over http", []string{keyRepo, "http://git.example/site", keySecret, "s", auth, "github-app"}, nil, "", nil, nil, wrong(auth, "github-app", `an http URL is used with "basic"; change the URL, or leave auth out`)},
		{"as the policy's default", []string{keySecret, "s"}, &rule.Spec{Default: new(rule.Text("github-app"))}, "", app, []string{"githubAppID", "githubAppInstallationID", "githubAppPrivateKey"}, ""},
		{"as the policy's default, for a repository that is public", nil, &rule.Spec{Default: new(rule.Text("github-app"))}, "", nil, nil, ""},
		{"as the policy's default, for ssh", []string{keyRepo, "ssh://git@github.com/acme/site", keySecret, "s"}, &rule.Spec{Default: new(rule.Text("github-app"))}, "", []string{"--auth=ssh", "--auth-dir=/pillion/auth"}, []string{"ssh-privatekey", "known_hosts"}, ""},
		{"as the policy's only way, for ssh", []string{keyRepo, "ssh://git@github.com/acme/site", keySecret, "s"}, &rule.Spec{Fixed: new(rule.Text("github-app"))}, "", nil, nil, `policy "web": spec.helpers[git-poller].options[auth].fixed: Invalid value: "github-app": an ssh URL is used with "ssh"; change the URL, or leave auth out`},
		{"where the policy does not allow it", []string{keySecret, "s", auth, "github-app"}, &rule.Spec{Allow: rule.Texts{"basic", "ssh"}}, "", nil, nil, wrong(auth, "github-app", `policy "web" does not allow this value: allowed values: "basic", "ssh"`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			if tt.rule != nil {
				p = withRule(t, p, "git-poller", "auth", *tt.rule)
			}
			p.Helpers["git-poller"].Reach.GitHubAPI = tt.api
			d := Injector{}.Decide(MakePod("web").Git(tt.annotations...).Obj(), p, nil)
			if tt.sentence != "" {
				if diff := cmp.Diff([]string{tt.sentence}, sentences(d)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff(tt.want, flagsOf(t, d, "--auth", "--auth-dir", "--github-api")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var keys []string
			for i := range d.Plan.Volumes {
				if s := d.Plan.Volumes[i].Volume.Secret; s != nil {
					for _, item := range s.Items {
						keys = append(keys, item.Key)
					}
				}
			}
			if diff := cmp.Diff(tt.keys, keys); diff != "" {
				t.Errorf("keys of the Secret (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGitSyncKnowsNoGitHubApp(t *testing.T) {
	t.Parallel()
	const auth = "git-poller.pillion.dev/auth"
	d := decideGitSync(MakePod("web").Git(keySecret, "s", auth, "github-app").Obj())
	want := []string{wrong(auth, "github-app", `policy "big" has the engine git-sync for git-poller, which logs in with a password or a token; put a token into the Secret and leave auth out, or ask for the engine pillion in the policy`)}
	if diff := cmp.Diff(want, sentences(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Reason != reason.Contradiction {
		t.Errorf("the reason is %s", d.Reason)
	}
}

func TestAHashOfSHA256IsForGitSyncAlone(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ABCDEF01", 8)
	pod := MakePod("web").Git(keyRef, hash).Obj()
	want := []string{wrong(keyRef, strings.ToLower(hash), "is a hash of a repository with SHA-256; only those with SHA-1, whose hashes have 40 digits, can be read")}
	if diff := cmp.Diff(want, sentences(Injector{}.Decide(pod, testPolicy(), nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--ref=" + strings.ToLower(hash)}, flagsOf(t, decideGitSync(pod), "--ref")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSubmodulesComeFromWhereThePodCouldGoItself(t *testing.T) {
	t.Parallel()
	const modules, github, acme = "git-poller.pillion.dev/submodules", "https://github.com/acme/site.git", "https://github.com/acme/*"
	for _, tt := range []struct {
		name      string
		repo      string
		value     string
		rule      *rule.Spec
		want      []string
		sentences []string
	}{
		{"not asked for", github, "none", nil, nil, nil},
		{"a policy without a rule", github, "shallow", nil, []string{"--submodule=https://github.com/*", "--submodule=https://*:*/*"}, nil},
		{"patterns, of other hosts as well", github, "shallow", &rule.Spec{Allow: rule.Texts{acme, "https://git.acme.example/*", "ssh://git@github.com/*"}}, []string{"--submodule=" + acme, "--submodule=https://git.acme.example/*"}, nil},
		{"a fixed value", github, "shallow", &rule.Spec{Fixed: new(rule.Text(github))}, []string{"--submodule=" + github}, nil},
		{"over ssh", "ssh://git@github.com/acme/site", "shallow", nil, nil, []string{wrong(modules, "shallow", "submodules are fetched for https URLs only; use one, or remove it")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			if tt.rule != nil {
				p = withRule(t, p, "git-poller", "repo", *tt.rule)
			}
			d := Injector{}.Decide(MakePod("web").Git(keyRepo, tt.repo, keySecret, "s", modules, tt.value).Obj(), p, nil)
			if diff := cmp.Diff(tt.sentences, sentences(d)); diff != "" {
				t.Fatalf("sentences (-want +got):\n%s", diff)
			}
			if tt.sentences == nil {
				if diff := cmp.Diff(tt.want, flagsOf(t, d, "--submodule")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
	d := decideGitSync(MakePod("web").Git(modules, "shallow").Obj())
	want := []string{wrong(modules, "shallow", `policy "big" has the engine git-sync for git-poller, which would fetch submodules from wherever the repository says, past the policy; remove it`)}
	if diff := cmp.Diff(want, sentences(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheSecretGoesBehindRedirectsOnlyWhereThePolicySendsIt(t *testing.T) {
	t.Parallel()
	const site, web = "https://git.acme.example/web/site", "https://git.acme.example/web/*"
	list := []rule.SecretSpec{
		{Name: "web-*", Repo: rule.Texts{web, "https://github.com/acme/*", "ssh://git@git.acme.example/web/*"}},
		{Name: "web-all", Repo: rule.Texts{"https://*.acme.example/*"}},
		{Name: "other", Repo: rule.Texts{"https://git.acme.example/other/*"}},
	}
	for _, tt := range []struct {
		name, repo, secret string
		list               []rule.SecretSpec
		warns              bool
		want               []string
	}{
		{"a policy that does not say it", site, "web-a", nil, false, nil},
		{"those of the host", site, "web-a", list, false, []string{"--secret-for=" + web}},
		{"those of each entry that names the Secret", site, "web-all", list, false, []string{"--secret-for=" + web, "--secret-for=https://*.acme.example/*"}},
		{"over ssh, which knows no redirect", "ssh://git@git.acme.example/web/site", "web-a", list, false, nil},
		{"a policy that only warns", site, "other", list, true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			p.Warn = tt.warns
			git := builtin.Find("git-poller")
			secrets, errs := rule.CompileSecrets(tt.list, git.Option("secret"), git.Option("repo"), nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			p.Helpers["git-poller"].Secrets = secrets
			d := Injector{}.Decide(MakePod("web").Git(keyRepo, tt.repo, keySecret, tt.secret).Obj(), p, nil)
			if diff := cmp.Diff(tt.want, flagsOf(t, d, "--secret-for")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
