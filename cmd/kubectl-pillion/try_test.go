// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// secretWord is a password that nothing may print.
const secretWord = "correct-horse-battery"

// gitSite serves two repositories over https: site for everybody, private for jane. It returns
// the server's URL, its authority as a ConfigMap, and the commit of main.
func gitSite(t *testing.T) (url, ca, commit string) {
	t.Helper()
	root := t.TempDir()
	run := func(dir string, args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@acme.example",
			"GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@acme.example", "GIT_COMMITTER_DATE=1700000000 +0000",
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	work := filepath.Join(root, "work")
	run(root, "init", "--quiet", "--initial-branch=main", work)
	for name, content := range map[string]string{
		"index.html": "hello\n", "public/a.html": "a\n", "public/b.html": "bb\n", "large": strings.Repeat("x", 2<<20),
		"lfs.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
	} {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(work, "add", ".")
	run(work, "commit", "--quiet", "-m", "a commit")
	run(root, "clone", "--quiet", "--bare", work, "site.git")
	run(root, "clone", "--quiet", "--bare", work, "private.git")
	handler := &cgi.Handler{
		Path:   filepath.Join(run(root, "--exec-path"), "git-http-backend"),
		Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent"},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if strings.HasPrefix(r.URL.Path, "/private") && (user != "jane" || password != secretWord) {
			http.Error(w, "not with "+password, http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ca = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: acme-ca}\ndata:\n  ca.crt: |\n    " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ") + "\n"
	return server.URL, ca, run(work, "rev-parse", "HEAD")
}

// asksForGit is a Deployment of which the pods ask for a git-poller.
func asksForGit(repo string, options ...string) string {
	lines := append([]string{"repo: " + repo, "mount-path: /html"}, options...)
	text := "git-poller.pillion.dev/" + strings.Join(lines, "\n        git-poller.pillion.dev/")
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    metadata:\n      annotations:\n        " + text +
		"\n    spec:\n      containers:\n      - {name: web, image: nginx}\n"
}

func secretOf(name, keys string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\nstringData: {" + keys + "}\n"
}

// policyOf is a file with a policy for git-poller.
func policyOf(t *testing.T, gitPoller string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	text := "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: default}\nspec:\n  helpers:\n    git-poller: " + gitPoller + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// took is what differs from call to call.
var took = regexp.MustCompile(`fetched: .*`)

func TestTrySaysHowTheFirstCheckoutWouldEnd(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	url, ca, commit := gitSite(t)
	const trusted = "ca-configmap: acme-ca"
	open := policyOf(t, "{}") // which, unlike the built-in one, allows addresses
	authDir := t.TempDir()
	for key, value := range map[string]string{"username": "jane", "password": secretWord + "\n"} {
		if err := os.WriteFile(filepath.Join(authDir, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "Deployment/web (standard input, document 1): pillion-git-poller\n"
	published := func(repo, more, content string) string {
		return "✓ " + head + "  repository: " + url + repo + more + "\n  commit:     " + commit + "\n  content:    " + content + "\n  fetched: …\n"
	}
	failed := func(repo, why string) string {
		return "✗ " + head + "  repository: " + url + repo + ", ref HEAD\n  the first checkout would fail: " + why + "\n"
	}
	const all = "5 files, 2097226 bytes (limits: 100000 files and directories, 819Mi)"
	const pointer = "  warning: the content of git LFS is not fetched; files that are only pointers to it: 1\n"
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		out   string // of standard output, or what standard error begins with if there is none
	}{
		"a public repository": {asksForGit(url+"/site.git", trusted) + "---\n" + ca, nil, exitOK, published("/site.git", ", ref HEAD", all) + pointer},
		"a directory of it": {
			asksForGit(url+"/site.git", trusted, "ref: main", "subdir: public") + "---\n" + ca, nil, exitOK,
			published("/site.git", ", ref main, directory public", "2 files, 5 bytes (limits: 100000 files and directories, 819Mi)"),
		},
		"a Secret of the files": {
			asksForGit(url+"/private.git", trusted, "secret: site") + "---\n" + ca + "---\n" + secretOf("site", "username: jane, password: "+secretWord), nil, exitOK,
			published("/private.git", ", ref HEAD", all) + pointer,
		},
		"a Secret's keys in a directory": {
			asksForGit(url+"/private.git", trusted, "secret: site") + "---\n" + ca,
			[]string{"--auth-dir", authDir},
			exitOK,
			published("/private.git", ", ref HEAD", all) + pointer,
		},
		"a password that is wrong": {
			asksForGit(url+"/private.git", trusted, "secret: site") + "---\n" + ca + "---\n" + secretOf("site", "username: jane, password: wrong-"+secretWord), nil, exitRefused,
			failed("/private.git", "Unauthorized: "+url+`/private.git: the server does not take the username and password of the Secret; renew them, and check whether the server wants a certain username beside a token; it says "not with …"`),
		},
		"a branch that is not there": {
			asksForGit(url+"/site.git", trusted, "ref: mian") + "---\n" + ca, nil, exitRefused,
			"✗ " + head + "  repository: " + url + "/site.git, ref mian\n  the first checkout would fail: NoSuchRef: …",
		},
		"a directory that is not there": {
			asksForGit(url+"/site.git", trusted, "subdir: pubic") + "---\n" + ca, nil, exitRefused,
			"✗ " + head + "  repository: " + url + "/site.git, ref HEAD, directory pubic\n  the first checkout would fail: NoSuchSubdir: …",
		},
		"a repository that is not there": {
			asksForGit(url+"/sight.git", trusted) + "---\n" + ca, nil, exitRefused, failed("/sight.git", "NoSuchRepo: …"),
		},
		"a commit that is too large for the volume": {
			asksForGit(url+"/site.git", trusted) + "---\n" + ca,
			[]string{"--policy", policyOf(t, "{volumeSizeLimit: 5Mi}")},
			exitRefused,
			failed("/site.git", "TooLarge: …"),
		},
		"a server that nobody vouches for": {asksForGit(url + "/site.git"), nil, exitRefused, failed("/site.git", "UntrustedHost: …")},
		"a proxy that is not there": {
			asksForGit("https://git.invalid/site.git"),
			[]string{"--policy", policyOf(t, "{proxy: {url: 'http://127.0.0.1:9'}}")},
			exitRefused,
			"✗ " + head + "  repository: https://git.invalid/site.git, ref HEAD\n  the first checkout would fail: Unreachable: https://git.invalid/site.git: the proxy 127.0.0.1:9 cannot be reached …",
		},
		"without the proxy": {
			asksForGit(url+"/site.git", trusted, "subdir: public") + "---\n" + ca,
			[]string{"--policy", policyOf(t, "{proxy: {url: 'http://127.0.0.1:9', secret: unseen}}"), "--direct"},
			exitOK,
			published("/site.git", ", ref HEAD, directory public", "2 files, 5 bytes (limits: 100000 files and directories, 819Mi)"),
		},
		"a Secret without a key that is mounted": {
			asksForGit("ssh://git@git.acme.example/site.git", "secret: site") + "---\n" + secretOf("site", "ssh-privatekey: "+secretWord),
			[]string{"--policy", policyOf(t, "{}")},
			exitRefused,
			"✗ " + head + "  repository: ssh://git@git.acme.example/site.git, ref HEAD\n  the first checkout would fail: the Secret site has no key known_hosts (it has: ssh-privatekey), so the pod would not start\n",
		},
		"a Secret that is elsewhere": {
			asksForGit(url+"/private.git", trusted, "secret: site") + "---\n" + ca, nil, exitFailed,
			"✗ " + head + "  repository: " + url + "/private.git, ref HEAD\n  not known: the Secret site of namespace default is not in the files; name its file with -f as well, or read it from the cluster with --live, or give its keys as files with --auth-dir\n",
		},
		"the engine git-sync": {
			asksForGit(url + "/site.git"),
			[]string{"--policy", policyOf(t, "{engine: git-sync}")},
			exitFailed,
			"✗ " + head + "  not known: the policy has the engine git-sync, a program of its own, so nothing was fetched\n",
		},
		"a pod that would be denied": {asksForGit("https://git.acme.example/x", "period: soon"), nil, exitRefused, "error: Deployment/web (standard input, document 1): …"},
		"no git-poller":              {podOf("Pod", "v1", "acme.example/a: b"), nil, exitFailed, "error: there is no git-poller to try in these files\n"},
		"a Secret with wrong data": {
			asksForGit(url+"/site.git") + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {password: " + secretWord + "}\n", nil, exitFailed,
			"error: Secret/x (standard input, document 2): the Secret cannot be read: data must be strings in base64, stringData plain strings\n",
		},
		"a directory for nobody":         {asksForGit(url + "/site.git"), []string{"--auth-dir", authDir}, exitFailed, "error: --auth-dir: no git-poller of these files has a Secret\n"},
		"a directory for several":        {asksForGit(url+"/site.git", "secret: a") + "---\n" + asksForGit(url+"/site.git", "secret: b"), []string{"--auth-dir", authDir}, exitFailed, "error: --auth-dir stands in for one Secret, and these git-pollers have several: a, b; …"},
		"a directory that is not there ": {asksForGit(url+"/site.git", "secret: a"), []string{"--auth-dir", "/nonexistent"}, exitFailed, "error: --auth-dir: stat /nonexistent: no such file or directory\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := call(c.stdin, append([]string{"try", "-f", "-", "--policy", open}, c.args...)...)
			got := took.ReplaceAllString(r.out, "fetched: …")
			if r.out == "" {
				got = r.errOut
			}
			beginning, cut := strings.CutSuffix(strings.TrimSuffix(c.out, "\n"), "…")
			if r.code != c.code || got != c.out && (!cut || !strings.HasPrefix(got, beginning)) {
				t.Errorf("exit code %d, want %d; standard error: %s(-want +got):\n%s", r.code, c.code, r.errOut, cmp.Diff(c.out, got))
			}
			for _, form := range []string{secretWord, base64.StdEncoding.EncodeToString([]byte(secretWord))} {
				if strings.Contains(r.out+r.errOut, form) {
					t.Errorf("the secret is printed:\n%s%s", r.out, r.errOut)
				}
			}
			left, err := os.ReadDir(os.Getenv("TMPDIR"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestTryReadsTheClusterIfItMay(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	url, ca, commit := gitSite(t)
	const secretPath, caPath = "/api/v1/namespaces/shop/secrets/site", "/api/v1/namespaces/shop/configmaps/acme-ca"
	const good = "data: {username: amFuZQ==, password: Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5}"
	cluster := func(secret string) fakeCluster {
		f := shop()
		f["/api/v1/namespaces/pillion-system/configmaps/files"] = `{data: {web.yaml: "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {git-poller: {volumeSizeLimit: 50Mi}}}}"}}`
		f[caPath] = ca
		if secret != "" {
			f[secretPath] = secret
		}
		return f
	}
	for name, c := range map[string]struct {
		secret string
		code   int
		want   tried
	}{
		"a Secret of the cluster":        {good, exitOK, tried{Result: wouldPublish, Commit: commit, Files: 5, Bytes: 2097226}},
		"a Secret that does not exist":   {"", exitRefused, tried{Result: wouldFail, Message: "the Secret site does not exist in namespace shop, so the pod would not start; create it first"}},
		"a Secret that one may not read": {"forbidden", exitFailed, tried{Result: notKnown, Message: "reading the Secret site of namespace shop: jane may not"}},
		"a Secret without a password":    {"data: {username: amFuZQ==}", exitRefused, tried{Result: wouldFail, Reason: "Misconfigured", Message: url + "/private.git: the Secret has no key password"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := cluster(c.secret)
			text := asksForGit(url+"/private.git", "ca-configmap: acme-ca", "secret: site")
			r := call(text, append(f.flags(t), "try", "-f", "-", "--live", "-o", "json")...)
			var got []tried
			if err := json.Unmarshal([]byte(r.out), &got); err != nil || len(got) != 1 {
				t.Fatalf("exit code %d, %v: %s%s", r.code, err, r.out, r.errOut)
			}
			w := c.want
			w.Kind, w.Name, w.Source, w.Container, w.Repo, w.Ref = "Deployment", "web", "standard input, document 1", "pillion-git-poller", url+"/private.git", "HEAD"
			w.MaxFiles, w.MaxBytes = 100_000, 10<<20 // a fifth of what the cluster's policy has
			g := got[0]
			if w.Result == wouldPublish && (g.Received == 0 || g.Seconds == 0) {
				t.Errorf("nothing was received: %+v", g)
			}
			g.Received, g.Seconds, g.Warnings = 0, 0, nil
			if diff := cmp.Diff(w, g); r.code != c.code || diff != "" {
				t.Errorf("exit code %d, want %d (-want +got):\n%s%s", r.code, c.code, diff, r.errOut)
			}
		})
	}
	t.Run("unless it is asked to, it reads none", func(t *testing.T) {
		text := asksForGit(url+"/private.git", "secret: site")
		r := call(text, append(cluster(good).flags(t), "try", "-f", "-", "--policy", policyOf(t, "{}"))...)
		if r.code != exitFailed || !strings.Contains(r.out, "is not in the files") {
			t.Errorf("got %+v", r)
		}
	})
}
