// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// defaultUsername goes with a password when the Secret names no user. A token is a
// password to all servers that know tokens: GitHub, GitLab, Gitea and Azure DevOps
// then take any username but an empty one, and Bitbucket's repository access tokens
// want this one (Atlassian, "Using repository access tokens").
const defaultUsername = "x-token-auth"

// basicAuth is a username and password for https. A nil one is none.
type basicAuth struct {
	username, password string
	app                bool // the password is a token of a GitHub App's installation
}

// readBasicAuth reads a Secret of type kubernetes.io/basic-auth. Trailing newlines,
// which editors and echo leave behind, are not part of a password.
func readBasicAuth(dir string) (*basicAuth, error) {
	password, err := readSecretFile(dir, "password")
	if err != nil {
		return nil, err
	}
	username, err := os.ReadFile(filepath.Join(dir, "username"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failf(Misconfigured, "the Secret's key username cannot be read (%v)", err)
	}
	b := &basicAuth{username: strings.TrimRight(string(username), "\r\n"), password: strings.TrimRight(string(password), "\r\n")}
	switch {
	case b.password == "":
		return nil, failf(Misconfigured, "the Secret's password is empty")
	case strings.ContainsFunc(b.password, isControl):
		return nil, failf(Misconfigured, "the Secret's password has a line break or another control character in it")
	case strings.ContainsFunc(b.username, isControl) || strings.Contains(b.username, ":"):
		return nil, failf(Misconfigured, "the Secret's username has a colon or a control character in it")
	case b.username == "":
		b.username = defaultUsername
	}
	return b, nil
}

func readSecretFile(dir, key string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(dir, key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failf(Misconfigured, "the Secret has no key %s", key)
	case err != nil:
		return nil, failf(Misconfigured, "the Secret's key %s cannot be read (%v)", key, err)
	}
	return content, nil
}

// tokenLength is the shortest username that may be a token, in bytes. GitHub takes one
// as the username; shorter ones are names like git, which are no secret.
const tokenLength = 16

// header is the value of Authorization or Proxy-Authorization.
func (b *basicAuth) header() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(b.username+":"+b.password))
}

// secrets are the texts that no error may repeat.
type secrets []string

// secrets are those of the credentials.
func (b *basicAuth) secrets() secrets {
	if b == nil {
		return nil
	}
	s := secrets{b.username + ":" + b.password, b.password}
	if len(b.username) >= tokenLength {
		s = append(s, b.username)
	}
	return s
}

// redact removes the secrets from a string, in the forms in which a server may send them
// back.
func (s secrets) redact(text string) string {
	for _, secret := range s {
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(strconv.Quote(secret), `"`),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)),
		} {
			text = strings.ReplaceAll(text, form, "…")
		}
	}
	return text
}
