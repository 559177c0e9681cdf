// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// testApp is the key of the App of the tests: it takes long to find.
var testApp = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// gitHub is what of GitHub a GitHub App needs: the API that gives out tokens, and git
// behind it, which takes them.
type gitHub struct {
	t    testing.TB
	key  *rsa.PublicKey
	app  string
	life time.Duration // of a token
	fail func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	tokens []string
	ends   map[string]time.Time
	proofs []string // seen by the API
	sent   []string // passwords, seen by git
}

func newGitHub(t testing.TB) *gitHub {
	t.Helper()
	return &gitHub{t: t, key: &testApp().PublicKey, app: "12345", life: time.Hour, ends: map[string]time.Time{}}
}

// api speaks POST /app/installations/67890/access_tokens.
func (g *gitHub) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /app/installations/{id}/access_tokens", func(w http.ResponseWriter, r *http.Request) {
		if g.fail != nil && g.fail(w, r) {
			return
		}
		proof, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		g.mu.Lock()
		defer g.mu.Unlock()
		g.proofs = append(g.proofs, proof)
		body, _ := io.ReadAll(r.Body)
		switch why := g.check(proof); {
		case why != "":
			sayJSON(w, http.StatusUnauthorized, map[string]string{"message": why, "documentation_url": "https://docs.github.com/rest"})
		case r.PathValue("id") != "67890":
			sayJSON(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
		case string(body) != `{"permissions":{"contents":"read"}}` || r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28":
			sayJSON(w, http.StatusUnprocessableEntity, map[string]string{"message": "unexpected request: " + string(body)})
		default:
			token := fmt.Sprintf("ghs_token%04d_%s", len(g.tokens), rand.Text())
			g.tokens, g.ends[token] = append(g.tokens, token), time.Now().Add(g.life)
			sayJSON(w, http.StatusCreated, map[string]any{"token": token, "expires_at": time.Now().Add(g.life).UTC().Format(time.RFC3339), "permissions": map[string]string{"contents": "read"}})
		}
	})
	return mux
}

func sayJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

// check verifies a proof as GitHub documents it, and returns what GitHub would say.
func (g *gitHub) check(proof string) string {
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return "A JSON web token could not be decoded"
	}
	decode := func(part string, into any) bool {
		text, err := base64.RawURLEncoding.DecodeString(part)
		return err == nil && json.Unmarshal(text, into) == nil
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Iat, Exp int64
		Iss      string
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || !decode(parts[0], &header) || !decode(parts[1], &claims) || header.Alg != "RS256" || rsa.VerifyPKCS1v15(g.key, crypto.SHA256, sum[:], signature) != nil {
		return "A JSON web token could not be decoded"
	}
	now := time.Now().Unix()
	switch {
	case claims.Iss != g.app:
		return "Integration not found"
	case claims.Iat > now:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.Exp <= now:
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case claims.Exp > now+600 || claims.Exp-claims.Iat > 600:
		return "'Expiration time' claim ('exp') is too far in the future"
	}
	return ""
}

// git serves repositories to those who have a token.
func (g *gitHub) git(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		g.mu.Lock()
		end, known := g.ends[password]
		g.sent = append(g.sent, password)
		g.mu.Unlock()
		if user != "x-access-token" || !known || time.Now().After(end) {
			w.Header().Set("Www-Authenticate", `Basic realm="GitHub"`)
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "remote: Invalid username or token: "+password)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// enterprise is both on one host, as GitHub Enterprise Server is.
func (g *gitHub) enterprise(site http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v3/", http.StripPrefix("/api/v3", g.api()))
	mux.Handle("/", g.git(site))
	return mux
}

func (g *gitHub) issued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.tokens)
}

// forget takes back all tokens.
func (g *gitHub) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.ends)
}

// keys are those of a Secret for the App.
func (g *gitHub) keys(change ...string) map[string]string {
	keys := map[string]string{"githubAppID": g.app + "\n", "githubAppInstallationID": "67890", "githubAppPrivateKey": pkcs1(testApp())}
	for i := 0; i < len(change); i += 2 {
		keys[change[i]] = change[i+1]
	}
	return keys
}

func pkcs1(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func pkcs8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
