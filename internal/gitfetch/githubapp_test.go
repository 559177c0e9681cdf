// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// enterprise is a repository on a GitHub Enterprise Server, and a request for it.
func enterprise(t testing.TB) (*gitHub, Request) {
	t.Helper()
	_, site := newSite(t)
	g := newGitHub(t)
	url, ca := serveTLS(t, g.enterprise(site), nil)
	return g, Request{Repo: url, CAFile: ca, Auth: AuthGitHubApp, AuthDir: secret(t, g.keys())}
}

func TestAnAppFetchesWithATokenOfItsInstallation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ app, key string }{
		"with the key that GitHub hands out": {"12345", pkcs1(testApp())},
		"with the same in PKCS #8":           {"12345", pkcs8(t, testApp())},
		"with text around it":                {"12345", "\n# the key\n" + pkcs1(testApp()) + "\n\n"},
		"with a client ID":                   {"Iv23liAbC123", pkcs1(testApp())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, request := enterprise(t)
			g.app = c.app
			request.AuthDir = secret(t, g.keys("githubAppPrivateKey", c.key))
			got, _ := mustFetch(t, request)
			if !got.Changed || got.Token == nil || got.Token.Value != g.tokens[0] || got.Token.Of == "" {
				t.Errorf("got %+v, want a checkout and the token", got)
			}
			if left := time.Until(got.Token.Ends); left < 50*time.Minute || left > time.Hour+time.Minute {
				t.Errorf("the token ends in %v, want an hour", left)
			}
		})
	}
}

// github.com and its API are two hosts. Each sees what is for it and nothing else.
func TestTheTokenGoesToTheRepositorysHostAlone(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	for _, host := range []string{"github.com", "acme.ghe.com"} {
		g := newGitHub(t)
		certificate := &tls.Config{Certificates: []tls.Certificate{selfSigned(t, host, "api."+host)}}
		apiSeen, gitSeen := &headers{next: g.api()}, &headers{next: g.git(backend(t, filepath.Dir(r.dir)))}
		api, apiCA := serveTLS(t, apiSeen, certificate)
		git, _ := serveTLS(t, gitSeen, certificate)
		p := newProxyServer(t, freeAddress(t), false)
		p.others = map[string]string{host + ":443": hostOf(git), "api." + host + ":443": hostOf(api)}
		got, _ := mustFetch(t, Request{Repo: "https://" + host + "/site.git", CAFile: apiCA, Proxy: p.url, Auth: AuthGitHubApp, AuthDir: secret(t, g.keys())})
		if !got.Changed {
			t.Errorf("got %+v, want a checkout", got)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values([]string{"CONNECT " + host + ":443", "CONNECT api." + host + ":443"})), p.seen()); diff != "" {
			t.Errorf("hosts (-want +got):\n%s", diff)
		}
		if strings.Contains(apiSeen.all(), g.tokens[0]) || !strings.Contains(apiSeen.all(), g.proofs[0]) {
			t.Error("the API has seen the token, or not the proof")
		}
		if strings.Contains(gitSeen.all(), g.proofs[0]) || len(g.sent) == 0 || slices.ContainsFunc(g.sent, func(s string) bool { return s != g.tokens[0] }) {
			t.Error("git has seen the proof, or not the token")
		}
	}
}

// headers notes the headers of all requests.
type headers struct {
	next http.Handler
	seen strings.Builder
}

func (h *headers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := json.Marshal(r.Header)
	h.seen.Write(text) // the client sends one request after the other
	h.next.ServeHTTP(w, r)
}

func (h *headers) all() string { return h.seen.String() }

func TestATokenIsKeptUntilItNearlyEnds(t *testing.T) {
	t.Parallel()
	g, request := enterprise(t)
	fetchAgain := func() Result {
		t.Helper()
		request.Dir = t.TempDir()
		got, _ := mustFetch(t, request)
		request.Token, request.Have = got.Token, got.Commit
		return got
	}
	fetchAgain()
	for range 3 {
		fetchAgain()
	}
	if n := g.issued(); n != 1 {
		t.Fatalf("%d tokens were asked for, want 1", n)
	}
	request.Token.Ends = time.Now().Add(tokenMargin + time.Minute)
	fetchAgain()
	if n := g.issued(); n != 1 {
		t.Errorf("%d tokens were asked for long before the first ended, want 1", n)
	}
	request.Token.Ends = time.Now().Add(tokenMargin - time.Minute)
	fetchAgain()
	if n := g.issued(); n != 2 {
		t.Errorf("%d tokens were asked for when the first was to end, want 2", n)
	}
	// A Secret with another key takes effect at once, and not when the token ends.
	other := request
	other.Dir, other.AuthDir = t.TempDir(), secret(t, g.keys("githubAppPrivateKey", pkcs1(otherKey(t))))
	if e := mustFail(t, other); e.Reason != Unauthorized {
		t.Errorf("with another key: %v, want Unauthorized", e)
	}
	other.AuthDir = secret(t, g.keys("githubAppInstallationID", "1"))
	if e := mustFail(t, other); e.Reason != Unauthorized {
		t.Errorf("with another installation: %v, want Unauthorized", e)
	}
	// One that the server does not take any more is not kept.
	g.forget()
	_, err := fetch(t.Context(), ask(t, request), testTimeouts)
	want := &Error{Reason: Unauthorized, Message: request.Repo + `: the server does not take the token of the GitHub App's installation; check that the App is still installed; it says "remote: Invalid username or token: …"`}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	again, _ := fetch(t.Context(), ask(t, request), testTimeouts)
	if again.Token != nil {
		t.Error("a token that the server does not take is kept")
	}
	request.Token = nil
	fetchAgain()
}

// A token that an outage follows is not asked for again and again.
func TestATokenOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	g := newGitHub(t)
	var down bool
	url, ca := serveTLS(t, g.enterprise(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		site.ServeHTTP(w, r)
	})), nil)
	request := Request{Repo: url, CAFile: ca, Auth: AuthGitHubApp, AuthDir: secret(t, g.keys())}
	for _, down = range []bool{true, true, false} {
		request.Dir = t.TempDir()
		result, err := fetch(t.Context(), ask(t, request), testTimeouts)
		if (err != nil) != down || result.Token == nil {
			t.Fatalf("down %v: got %+v, %v", down, result, err)
		}
		request.Token = result.Token
	}
	if n := g.issued(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
}

// The life of a token is counted from the server's clock.
func TestATokensLifeDoesNotDependOnTheClock(t *testing.T) {
	t.Parallel()
	app := &githubApp{key: testApp()}
	app.api, _ = gitHubAPI("https://api.acme.example", endpoint{})
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		date, body string
		want       time.Duration
	}{
		"clocks agree":      {"Mon, 30 Nov 2026 12:00:00 GMT", `{"token":"x","expires_at":"2026-11-30T13:00:00Z"}`, time.Hour},
		"ours is behind":    {"Mon, 30 Nov 2026 13:30:00 GMT", `{"token":"x","expires_at":"2026-11-30T14:30:00Z"}`, time.Hour},
		"ours is ahead":     {"Mon, 30 Nov 2026 09:30:00 GMT", `{"token":"x","expires_at":"2026-11-30T10:30:00Z"}`, time.Hour},
		"it does not say":   {"", `{"token":"x","expires_at":"2026-11-30T13:00:00Z"}`, time.Hour},
		"another time zone": {"Mon, 30 Nov 2026 12:00:00 GMT", `{"token":"x","expires_at":"2026-11-30T14:00:00+01:00"}`, time.Hour},
	} {
		response := &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}
		response.Header.Set("Date", c.date)
		got, err := app.readToken(response, now)
		if err != nil || got.Ends.Sub(now) != c.want {
			t.Errorf("%s: %+v (%v), want a life of %v", name, got, err, c.want)
		}
	}
}

func otherKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatIsWrongWithAnAppIsSaid(t *testing.T) {
	t.Parallel()
	answer := func(code int, body string, headers ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(strings.ReplaceAll(body, "{proof}", r.Header.Get("Authorization"))))
			return true
		}
	}
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	locked := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	oldLocked := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")}))
	half := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("hunter2")}))
	behind := time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		fail func(http.ResponseWriter, *http.Request) bool
		keys []string
		want Error
	}{
		"a revoked key, or another App's": {nil, []string{"githubAppPrivateKey", pkcs1(otherKey(t))}, Error{Reason: Unauthorized, Message: `GitHub's API at {host} does not take the signature of App 12345 (401): the key may be deleted, or that of another App; put a key of this App into the Secret's githubAppPrivateKey; it says "A JSON web token could not be decoded"`}},
		"an expired key":                  {answer(401, `{"message":"The key has expired"}`), nil, Error{Reason: Unauthorized, Message: `GitHub's API at {host} does not take the signature of App 12345 (401): the key may be deleted, or that of another App; put a key of this App into the Secret's githubAppPrivateKey; it says "The key has expired"`}},
		"another App":                     {nil, []string{"githubAppID", "1"}, Error{Reason: Unauthorized, Message: `GitHub's API at {host} does not take the signature of App 1 (401): the key may be deleted, or that of another App; put a key of this App into the Secret's githubAppPrivateKey; it says "Integration not found"`}},
		"another installation":            {nil, []string{"githubAppInstallationID", "1"}, Error{Reason: Unauthorized, Message: `GitHub's API at {host} knows no App 12345, or no installation 1 of it (404); check the Secret's githubAppID and githubAppInstallationID, and whether the App is still installed; it says "Not Found"`}},
		"a suspended installation":        {answer(403, `{"message":"This installation has been suspended"}`), nil, Error{Reason: Unauthorized, Message: `GitHub's API at {host} forbids App 12345 a token of installation 67890 (403); the installation may be suspended; it says "This installation has been suspended"`}},
		"no permission":                   {answer(422, `{"message":"The permissions requested are not granted to this installation."}`), nil, Error{Reason: Unauthorized, Message: `GitHub's API at {host} gives installation 67890 of App 12345 no token (422); the App needs the permission to read contents; it says "The permissions requested are not granted to this installation."`}},
		"a rate limit": {answer(403, `{"message":"You have exceeded a secondary rate limit"}`, "Retry-After", "60"), nil, Error{
			Reason: Unreachable, Message: `GitHub's API at {host} is failing or busy (403 Forbidden); it asks to wait 1m0s; it says "You have exceeded a secondary rate limit"`, RetryAfter: time.Minute,
		}},
		"an outage":            {answer(502, ``), nil, Error{Reason: Unreachable, Message: `GitHub's API at {host} is failing or busy (502 Bad Gateway)`}},
		"a redirect":           {answer(307, ``, "Location", "https://evil.example/"), nil, Error{Reason: BadServer, Message: `GitHub's API at {host} answers 307 Temporary Redirect; check that this is its URL`}},
		"another server":       {answer(200, `{}`), nil, Error{Reason: BadServer, Message: `GitHub's API at {host} answers 200 OK; check that this is its URL`}},
		"no token":             {answer(201, `{}`), nil, Error{Reason: BadServer, Message: `GitHub's API at {host} sends no token; check that this is its URL`}},
		"a token of two lines": {answer(201, `{"token":"a\nb","expires_at":"2030-01-01T00:00:00Z"}`), nil, Error{Reason: BadServer, Message: `GitHub's API at {host} sends no token; check that this is its URL`}},
		"no JSON":              {answer(201, `<html>`), nil, Error{Reason: BadServer, Message: `GitHub's API at {host} sends no token; check that this is its URL`}},
		"it repeats the proof": {answer(401, `{"message":"{proof} is no good"}`), nil, Error{Reason: Unauthorized, Message: `GitHub's API at {host} does not take the signature of App 12345 (401): the key may be deleted, or that of another App; put a key of this App into the Secret's githubAppPrivateKey; it says "Bearer … is no good"`}},
		"a clock behind":       {answer(401, `{}`, "Date", behind), nil, Error{Reason: Unauthorized, Message: `GitHub's API at {host} does not take the signature of App 12345 (401), and the clock of this node is {some} behind; set the clock`}},
		"no ID":                {nil, []string{"githubAppID", " "}, Error{Reason: Misconfigured, Message: "the Secret's githubAppID must be the App's ID, a number, or its client ID"}},
		"an ID that is code":   {nil, []string{"githubAppID", `1","x":"`}, Error{Reason: Misconfigured, Message: "the Secret's githubAppID must be the App's ID, a number, or its client ID"}},
		"a path as ID":         {nil, []string{"githubAppInstallationID", "../../user"}, Error{Reason: Misconfigured, Message: "the Secret's githubAppInstallationID must be a number: the last part of the URL of the installation's settings"}},
		"no key":               {nil, []string{"githubAppPrivateKey", "hunter2"}, Error{Reason: Misconfigured, Message: "the Secret's githubAppPrivateKey must be PEM, the whole file that GitHub hands out"}},
		"half a key":           {nil, []string{"githubAppPrivateKey", half}, Error{Reason: Misconfigured, Message: `the Secret's githubAppPrivateKey, a PEM block "RSA PRIVATE KEY", is not a private key in PKCS #1 or PKCS #8`}},
		"a key of ssh":         {nil, []string{"githubAppPrivateKey", string(newSSHServer(t).key)}, Error{Reason: Misconfigured, Message: `the Secret's githubAppPrivateKey, a PEM block "OPENSSH PRIVATE KEY", is not a private key in PKCS #1 or PKCS #8`}},
		"another kind of key":  {nil, []string{"githubAppPrivateKey", pkcs8(t, ecKey)}, Error{Reason: Misconfigured, Message: "the Secret's githubAppPrivateKey is not an RSA key, as the keys of GitHub Apps are"}},
		"a locked key":         {nil, []string{"githubAppPrivateKey", locked}, Error{Reason: Misconfigured, Message: "the Secret's githubAppPrivateKey is protected by a passphrase, which cannot be entered here; use it as GitHub hands it out"}},
		"a locked key of old":  {nil, []string{"githubAppPrivateKey", oldLocked}, Error{Reason: Misconfigured, Message: "the Secret's githubAppPrivateKey is protected by a passphrase, which cannot be entered here; use it as GitHub hands it out"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, request := enterprise(t)
			g.fail = c.fail
			request.AuthDir = secret(t, g.keys(c.keys...))
			got := mustFail(t, request)
			c.want.Message = request.Repo + ": " + strings.ReplaceAll(c.want.Message, "{host}", hostOf(request.Repo))
			if before, after, found := strings.Cut(c.want.Message, "{some}"); found { // a duration of the real clock
				if !strings.HasPrefix(got.Message, before) || !strings.HasSuffix(got.Message, after) {
					t.Errorf("got %q, want %q", got.Message, c.want.Message)
				}
				return
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if n := len(g.sent); n != 0 {
				t.Errorf("git was asked %d times without a token", n)
			}
		})
	}
	t.Run("a key of the Secret is missing", func(t *testing.T) {
		t.Parallel()
		_, request := enterprise(t)
		if err := os.Remove(filepath.Join(request.AuthDir, "githubAppInstallationID")); err != nil {
			t.Fatal(err)
		}
		want := &Error{Reason: Misconfigured, Message: request.Repo + ": the Secret has no key githubAppInstallationID"}
		if diff := cmp.Diff(want, mustFail(t, request)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestWhereTheAPIOfAHostIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ repo, api, want string }{
		{"https://github.com/acme/site.git", "", "https://api.github.com"},
		{"https://GitHub.com:443/acme/site.git", "", "https://api.github.com"},
		{"https://acme.ghe.com/acme/site", "", "https://api.acme.ghe.com"},
		{"https://git.acme.example/acme/site", "", "https://git.acme.example/api/v3"},
		{"https://git.acme.example:8443/acme/site", "", "https://git.acme.example:8443/api/v3"},
		{"https://github.com:8443/acme/site", "", "https://github.com:8443/api/v3"},
		{"https://github.com.evil.example/acme/site", "", "https://github.com.evil.example/api/v3"},
		{"https://evilghe.com/acme/site", "", "https://evilghe.com/api/v3"},
		{"https://git.acme.example/acme/site", "https://gateway.acme.example/github/", "https://gateway.acme.example/github/"},
		{"https://git.acme.example/acme/site", "http://git.acme.example/api/v3", ""},
		{"https://git.acme.example/acme/site", "https://bob:hunter2@git.acme.example", ""},
		{"https://git.acme.example/acme/site", "git.acme.example", ""},
	} {
		e, err := parseRepo(c.repo)
		if err != nil {
			t.Fatal(err)
		}
		got, err := gitHubAPI(c.api, e)
		switch {
		case c.want == "" && err == nil, c.want != "" && (err != nil || got.String() != c.want):
			t.Errorf("the API of %s %s is %v (%v), want %q", c.repo, c.api, got, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("the error is %q", err)
		}
	}
}
