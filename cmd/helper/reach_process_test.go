// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// company is where a pod reaches nothing but a proxy with a password, and behind it a
// GitHub Enterprise Server on example.com, of which net/http/httptest has a certificate.
type company struct {
	t       *testing.T
	root    string
	backend http.Handler
	server  *httptest.Server

	mu     sync.Mutex
	token  string // the one that is taken now
	tokens []string
	polls  int
}

func newCompany(t *testing.T) *company {
	t.Helper()
	exec := strings.TrimSpace(output(t, "", "git", "--exec-path"))
	c := &company{t: t, root: t.TempDir()}
	c.backend = &cgi.Handler{
		Path: filepath.Join(exec, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + c.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"},
	}
	output(t, c.root, "git", "init", "--quiet", "--initial-branch=main", "site")
	c.server = httptest.NewTLSServer(c)
	t.Cleanup(c.server.Close)
	return c
}

// output runs a program and returns what it prints.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return string(out)
}

func (c *company) commit(content string) {
	c.t.Helper()
	site := filepath.Join(c.root, "site")
	if err := os.WriteFile(filepath.Join(site, "index.html"), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	output(c.t, site, "git", "add", ".")
	output(c.t, site, "git", "-c", "user.name=A", "-c", "user.email=a@acme.example", "commit", "--quiet", "--message=m")
}

func (c *company) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v3/app/installations/67890/access_tokens" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
		c.mu.Lock()
		c.token = "ghs_" + rand.Text()
		c.tokens = append(c.tokens, c.token)
		answer := map[string]any{"token": c.token, "expires_at": time.Now().Add(time.Hour).UTC()}
		c.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	_, password, _ := r.BasicAuth()
	c.mu.Lock()
	c.polls++
	known := password == c.token && c.token != ""
	c.mu.Unlock()
	if !known {
		http.Error(w, "bad token "+password, http.StatusUnauthorized)
		return
	}
	c.backend.ServeHTTP(w, r)
}

// proxy lets those through to the server who know its password.
func (c *company) proxy() string {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" || r.Header.Get("Proxy-Authorization") != "Basic Ym9iOmh1bnRlcjJodW50ZXIy" {
			w.Header().Set("Proxy-Authenticate", "Basic")
			http.Error(w, "no "+r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
			return
		}
		there, err := net.Dial("tcp", c.server.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here) }()
		_, _ = io.Copy(here, there)
	}))
	c.t.Cleanup(proxy.Close)
	return proxy.URL
}

// injected are the arguments that the webhook writes for a golden pod, with what is elsewhere
// here in the places of what a pod has.
func injected(t *testing.T, golden string, elsewhere map[string]string) []string {
	t.Helper()
	var pod corev1.Pod
	text, err := os.ReadFile(filepath.Join("../../internal/admission/testdata", golden, "want.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &pod)
	}
	if err != nil {
		t.Fatal(err)
	}
	args := pod.Spec.InitContainers[0].Args
	for there, here := range elsewhere {
		found := false
		for i := range args {
			flag, value, _ := strings.Cut(args[i], "=")
			if rest, cut := strings.CutPrefix(value, there); cut && (rest == "" || rest[0] == '/') {
				args[i], found = flag+"="+here+rest, true
			}
		}
		if !found {
			t.Fatalf("the webhook writes no %s: %q", there, args)
		}
	}
	return args
}

// The program itself, as the webhook has a pod run it: an App's key, a proxy with a password, the
// platform's authority. Tokens are kept between polls, renewed when the server does not
// take one any more, and shown to nobody.
func TestAnAppPollsThroughAProxyOfTheCompany(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.commit("one")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"app/githubAppID": "12345", "app/githubAppInstallationID": "67890",
		"app/githubAppPrivateKey": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"proxy/username":          "bob", "proxy/password": "wrong",
		"ca/ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})),
	} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	root := t.TempDir()
	p, end := launch(t, injected(t, "git-poller-in-a-company", map[string]string{
		"/pillion/content": root, "/pillion/auth": dir + "/app", "/pillion/extra-ca": dir + "/ca", "/pillion/proxy": dir + "/proxy",
		"http://proxy.acme.example:3128": c.proxy(),
	})...)
	guard := time.AfterFunc(5*time.Minute, func() { _ = p.Kill() }) // a test should fail, and not hang
	defer guard.Stop()
	serves := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(4 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if text, _ := os.ReadFile(filepath.Join(root, "index.html")); string(text) == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q is not published", want)
			}
		}
	}
	writeFile(t, filepath.Join(dir, "proxy/password"), "hunter2hunter2") // it is renewed: the next poll works
	serves("one")
	c.commit("two")
	serves("two")
	if n := c.issued(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1 for all polls", n)
	}
	c.mu.Lock()
	c.token = "" // taken back, an hour early
	c.mu.Unlock()
	c.commit("three")
	serves("three")
	if n := c.issued(); n != 2 {
		t.Errorf("%d tokens were asked for, want one more for the one that was taken back", n)
	}
	_ = p.Signal(syscall.SIGTERM)
	code, stderr := end()
	if code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	for _, secret := range append(c.tokens, "hunter2", "Ym9iOmh1bnRlcjJodW50ZXIy", "PRIVATE") {
		if strings.Contains(stderr, secret) {
			t.Errorf("the log holds %q:\n%s", secret, stderr)
		}
	}
}

func (c *company) issued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.tokens)
}

// writeFile replaces a file at once, as the kubelet replaces those of a Secret.
func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
