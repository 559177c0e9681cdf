// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	// appUsername goes with an installation's token (GitHub Docs, "Authenticating as a
	// GitHub App installation").
	appUsername = "x-access-token"
	// tokenMargin is how long before its end a token is renewed: what is fetched with it
	// may take as long. GitHub's tokens live for an hour.
	tokenMargin = 10 * time.Minute
	// proofLife is how long the proof lives that a token is asked for with. GitHub takes
	// 10 minutes at most; clocks differ.
	proofLife = 5 * time.Minute
	// clockSkew is how far clocks may differ.
	clockSkew = time.Minute
)

// githubApp is who asks GitHub for a token, and where.
type githubApp struct {
	api          *url.URL
	id           string // a number, or a client ID
	installation string
	key          *rsa.PrivateKey
}

var (
	appID          = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	installationID = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// appLogin returns the login of a GitHub App's installation. Its token goes to the
// repository's host and nowhere else; GitHub's API sees only the proof.
func (f *fetcher) appLogin(ctx context.Context, r *route) (*basicAuth, error) {
	app, err := readGitHubApp(f.AuthDir)
	if err != nil {
		return nil, err
	}
	if app.api, err = gitHubAPI(f.GitHubAPI, f.endpoint); err != nil {
		return nil, err
	}
	if f.token == nil || f.token.Of != app.String() || f.token.ending() {
		if f.token, err = app.newToken(ctx, r, &f.session.secrets); err != nil {
			return nil, err
		}
	}
	return &basicAuth{username: appUsername, password: f.token.Value, app: true}, nil
}

// gitHubAPI is where the API of a repository's host is: github.com and GitHub Enterprise
// Cloud with data residency (*.ghe.com) have hosts for it, GitHub Enterprise Server has a
// path.
func gitHubAPI(text string, repo endpoint) (*url.URL, error) {
	if text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, failf(Misconfigured, "the URL of GitHub's API must be one such as https://github.acme.example/api/v3, without credentials")
		}
		return u, nil
	}
	host := strings.ToLower(repo.Hostname())
	if repo.address() == host+":443" && (host == "github.com" || strings.HasSuffix(host, ".ghe.com")) {
		return &url.URL{Scheme: "https", Host: "api." + host}, nil
	}
	return &url.URL{Scheme: "https", Host: repo.Host, Path: "/api/v3"}, nil
}

// readGitHubApp reads a Secret with the keys that Flux and Argo CD use as well.
func readGitHubApp(dir string) (*githubApp, error) {
	values := map[string]string{}
	for _, key := range []string{"githubAppID", "githubAppInstallationID", "githubAppPrivateKey"} {
		content, err := readSecretFile(dir, key)
		if err != nil {
			return nil, err
		}
		values[key] = strings.TrimSpace(string(content))
	}
	app := &githubApp{id: values["githubAppID"], installation: values["githubAppInstallationID"]}
	switch {
	case !appID.MatchString(app.id):
		return nil, failf(Misconfigured, "the Secret's githubAppID must be the App's ID, a number, or its client ID")
	case !installationID.MatchString(app.installation):
		return nil, failf(Misconfigured, "the Secret's githubAppInstallationID must be a number: the last part of the URL of the installation's settings")
	}
	var err error
	app.key, err = parseAppKey(values["githubAppPrivateKey"])
	return app, err
}

// parseAppKey reads PKCS #1, which GitHub hands out, or PKCS #8. No error repeats
// anything of it.
func parseAppKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, failf(Misconfigured, "the Secret's githubAppPrivateKey must be PEM, the whole file that GitHub hands out")
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
		return nil, failf(Misconfigured, "the Secret's githubAppPrivateKey is protected by a passphrase, which cannot be entered here; use it as GitHub hands it out")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, isRSA := any.(*rsa.PrivateKey)
	switch {
	case err != nil:
		return nil, failf(Misconfigured, "the Secret's githubAppPrivateKey, a PEM block %s, is not a private key in PKCS #1 or PKCS #8", foreign(block.Type))
	case !isRSA:
		return nil, failf(Misconfigured, "the Secret's githubAppPrivateKey is not an RSA key, as the keys of GitHub Apps are")
	}
	return key, nil
}

// String says what a token is made for. The key is in it so that a new one is tried at once.
func (a *githubApp) String() string {
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&a.key.PublicKey))
	return strings.Join([]string{a.api.String(), a.id, a.installation, hex.EncodeToString(sum[:])}, " ")
}

// proof is a JSON web token (RFC 7519) that the App signs.
func (a *githubApp) proof(now time.Time) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"iss":%q}`, now.Add(-clockSkew).Unix(), now.Add(proofLife).Unix(), a.id)
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", failf(Misconfigured, "the Secret's githubAppPrivateKey cannot sign (%v)", err)
	}
	return text + "." + encode(signature), nil
}

// newToken asks for a token that can read contents and nothing else.
func (a *githubApp) newToken(ctx context.Context, r *route, hide *secrets) (*Token, error) {
	proof, err := a.proof(time.Now())
	if err != nil {
		return nil, err
	}
	*hide = append(*hide, proof)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.api.JoinPath("app/installations", a.installation, "access_tokens").String(),
		strings.NewReader(`{"permissions":{"contents":"read"}}`))
	if err != nil {
		return nil, failf(Misconfigured, "the URL of GitHub's API cannot be used in a request")
	}
	req.Header = http.Header{
		"Accept": {"application/vnd.github+json"}, "Authorization": {"Bearer " + proof}, "Content-Type": {"application/json"},
		"User-Agent": {agent}, "X-Github-Api-Version": {"2022-11-28"},
	}
	client := &http.Client{Transport: r.transport(r.dialOnce), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(req)
	if err != nil {
		return nil, r.requestError(ctx, err, a.api.Host)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return nil, a.statusError(response, time.Now())
	}
	return a.readToken(response, time.Now())
}

func (a *githubApp) readToken(response *http.Response, now time.Time) (*Token, error) {
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer)
	if err != nil || answer.Token == "" || strings.ContainsFunc(answer.Token, isControl) {
		return nil, failf(BadServer, "GitHub's API at %s sends no token; check that this is its URL", a.api.Host)
	}
	server := now
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		server = date
	}
	return &Token{Value: answer.Token, Ends: now.Add(answer.ExpiresAt.Sub(server)), Of: a.String()}, nil
}

// statusError is why GitHub gives no token.
func (a *githubApp) statusError(response *http.Response, now time.Time) error {
	var e *failure
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized && skew(response, now) != 0:
		e = failf(Unauthorized, "GitHub's API at %s does not take the signature of App %s (401), and the clock of this node is %s; set the clock", a.api.Host, a.id, describe(skew(response, now)))
	case code == http.StatusUnauthorized:
		e = failf(Unauthorized, "GitHub's API at %s does not take the signature of App %s (401): the key may be deleted, or that of another App; put a key of this App into the Secret's githubAppPrivateKey", a.api.Host, a.id)
	case code == http.StatusNotFound:
		e = failf(Unauthorized, "GitHub's API at %s knows no App %s, or no installation %s of it (404); check the Secret's githubAppID and githubAppInstallationID, and whether the App is still installed", a.api.Host, a.id, a.installation)
	case code == http.StatusUnprocessableEntity:
		e = failf(Unauthorized, "GitHub's API at %s gives installation %s of App %s no token (422); the App needs the permission to read contents", a.api.Host, a.installation, a.id)
	case code == http.StatusTooManyRequests || code >= 500 || code == http.StatusForbidden && retryAfter(response.Header, now) > 0:
		e = failf(Unreachable, "GitHub's API at %s is failing or busy (%d %s)", a.api.Host, code, http.StatusText(code))
	case code == http.StatusForbidden:
		e = failf(Unauthorized, "GitHub's API at %s forbids App %s a token of installation %s (403); the installation may be suspended", a.api.Host, a.id, a.installation)
	default:
		e = failf(BadServer, "GitHub's API at %s answers %d %s; check that this is its URL", a.api.Host, code, http.StatusText(code))
	}
	return e.later(response).says(serverWords(response))
}

// skew is how far our clock is ahead of the server's, or 0 if that is little.
func skew(response *http.Response, now time.Time) time.Duration {
	server, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0
	}
	if ahead := now.Sub(server).Truncate(time.Second); ahead.Abs() > clockSkew {
		return ahead
	}
	return 0
}

func describe(ahead time.Duration) string {
	if ahead > 0 {
		return ahead.String() + " ahead"
	}
	return ahead.Abs().String() + " behind"
}
