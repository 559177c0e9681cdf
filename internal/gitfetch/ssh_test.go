// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func TestARepositoryIsFetchedOverSSH(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"index.html": "hello\n"})
	s := newSSHServer(t)
	hashed := knownhosts.HashHostname(knownhosts.Normalize(s.address))
	_, blob, _ := strings.Cut(s.line(ssh.KeyAlgoRSA), " ")
	for name, knownHosts := range map[string]string{
		"known by its ed25519 key":           s.line(ssh.KeyAlgoED25519),
		"known by its RSA key":               s.line(ssh.KeyAlgoRSA),
		"known by both":                      s.line(ssh.KeyAlgoRSA) + s.line(ssh.KeyAlgoED25519),
		"known by a hashed line":             hashed + " " + blob,
		"known among comments and others":    "# servers\n\nother.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" + s.line(ssh.KeyAlgoED25519),
		"its other key revoked is no matter": "@revoked * " + strings.TrimSpace(strings.SplitN(s.line(ssh.KeyAlgoRSA), " ", 2)[1]) + "\n" + s.line(ssh.KeyAlgoED25519),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, tree := mustFetch(t, s.request(t, r.dir, knownHosts))
			if got.Commit != hash || !got.Changed {
				t.Errorf("got %+v, want commit %s", got, hash)
			}
			if diff := cmp.Diff(files{"index.html": "hello\n"}, readTree(t, tree)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			again := s.request(t, r.dir, knownHosts)
			again.Have = hash
			if got, _ := mustFetch(t, again); got != (Result{Commit: hash}) {
				t.Errorf("the second poll found %+v, want no change", got)
			}
		})
	}
}

func TestAnSSHServerHasToBeTheRightOne(t *testing.T) {
	t.Parallel()
	s := newSSHServer(t)
	wrong := newECDSA(t).PublicKey()
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	otherSigner, _ := ssh.NewSignerFromKey(other)
	otherLine := knownhosts.Line([]string{s.address}, otherSigner.PublicKey()) + "\n"
	ed := s.keys[ssh.KeyAlgoED25519].PublicKey()
	repo := "ssh://git@" + s.address + "/site.git: "
	for name, c := range map[string]struct {
		knownHosts string
		want       Error
	}{
		"another key of the same kind is in the file": {otherLine, Error{Reason: UntrustedHost, Message: repo + "the host key of " + s.address + " is " + ssh.FingerprintSHA256(ed) + " (ssh-ed25519), and the Secret's known_hosts says " +
			ssh.FingerprintSHA256(otherSigner.PublicKey()) + " (ssh-ed25519); if the server's operator has changed it, update known_hosts, and if not, this is another server"}},
		"only a kind that the server does not have is in the file": {knownhosts.Line([]string{s.address}, wrong) + "\n", Error{Reason: UntrustedHost, Message: repo + s.address + " has no host key of a kind that the Secret's known_hosts has for it: that says " +
			ssh.FingerprintSHA256(wrong) + ` (ecdsa-sha2-nistp256), and the server offers "rsa-sha2-256, rsa-sha2-512, ssh-rsa, ssh-ed25519"; add one of those`}},
		"the key is revoked": {"@revoked * " + strings.SplitN(s.line(ssh.KeyAlgoED25519), " ", 2)[1] + s.line(ssh.KeyAlgoED25519), Error{Reason: UntrustedHost, Message: repo + "the host key of " + s.address + ", " + ssh.FingerprintSHA256(ed) + " (ssh-ed25519), is revoked by a line of the Secret's known_hosts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustFail(t, s.request(t, "/site.git", c.knownHosts))
			// The order in which the server offers its keys is that of a map.
			got.Message = strings.Replace(got.Message, `"ssh-ed25519, rsa-sha2-256, rsa-sha2-512, ssh-rsa"`, `"rsa-sha2-256, rsa-sha2-512, ssh-rsa, ssh-ed25519"`, 1)
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("an unknown host is told how to make it known", func(t *testing.T) {
		t.Parallel()
		got := mustFail(t, s.request(t, "/site.git", "github.com "+strings.SplitN(s.line(ssh.KeyAlgoRSA), " ", 2)[1]))
		if got.Reason != UntrustedHost || !strings.Contains(got.Message, "has no key for "+s.address+"; the server's is SHA256:") ||
			!strings.Contains(got.Message, knownhosts.Normalize(s.address)) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAnSSHPathIsOneArgument(t *testing.T) {
	t.Parallel()
	s := newSSHServer(t)
	root := filepath.Join(t.TempDir(), "it's !$(touch pwned)`touch pwned`; \\ \"x\"")
	r := newRepo(t, root)
	hash := r.commit("refs/heads/main", files{"a": "a"})
	request := s.request(t, "", s.line(ssh.KeyAlgoED25519))
	request.Repo += (&url.URL{Path: r.dir}).EscapedPath()
	request.Repo = strings.ReplaceAll(request.Repo, "'", "%27")
	if got, _ := mustFetch(t, request); got.Commit != hash {
		t.Errorf("got %+v, want commit %s", got, hash)
	}
}

func TestTheCommandForUploadPack(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/acme/site.git": `git-upload-pack '/acme/site.git'`,
		"/~bob/site.git": `git-upload-pack '~bob/site.git'`,
		`/it's!`:         `git-upload-pack '/it'\''s'\!''`,
	} {
		if got := uploadPack(path); got != want {
			t.Errorf("the command for %s is %s, want %s", path, got, want)
		}
		words, err := exec.Command("/bin/sh", "-c", "printf '%s|' "+uploadPack(path)).Output()
		if want := "git-upload-pack|" + strings.Replace(path, "/~", "~", 1) + "|"; err != nil || string(words) != want {
			t.Errorf("a shell reads %q (%v), want %q", words, err, want)
		}
	}
}

func TestWhatCanBeWrongWithSSH(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	s := newSSHServer(t)
	line := s.line(ssh.KeyAlgoED25519)
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	plain, _ := ssh.MarshalPrivateKey(private, "")
	locked, _ := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("passphrase"))
	signer, _ := ssh.NewSignerFromKey(private)
	for name, c := range map[string]struct {
		keys map[string]string
		path string
		want Error
	}{
		"another key": {
			map[string]string{"ssh-privatekey": string(pem.EncodeToMemory(plain)), "known_hosts": line},
			r.dir,
			Error{Reason: Unauthorized, Message: "the server does not take the Secret's ssh-privatekey (" + ssh.FingerprintSHA256(signer.PublicKey()) + "); add its public key to the server, as a deploy key for instance"},
		},
		"a key with a passphrase": {
			map[string]string{"ssh-privatekey": string(pem.EncodeToMemory(locked)), "known_hosts": line},
			r.dir,
			Error{Reason: Misconfigured, Message: "the Secret's ssh-privatekey is protected by a passphrase, which cannot be entered here; use a key without one"},
		},
		"no key": {
			map[string]string{"ssh-privatekey": "secret!", "known_hosts": line},
			r.dir,
			Error{Reason: Misconfigured, Message: "the Secret's ssh-privatekey cannot be read (ssh: no key found); it must be a private key as ssh-keygen writes it"},
		},
		"no known_hosts": {
			map[string]string{"ssh-privatekey": string(s.key)},
			r.dir,
			Error{Reason: Misconfigured, Message: "the Secret has no key known_hosts; ssh is used only with servers whose key is known beforehand: add what ssh-keyscan prints for " + s.address + ", after comparing it with what the server's operator publishes"},
		},
		"no ssh-privatekey": {
			map[string]string{"known_hosts": line},
			r.dir,
			Error{Reason: Misconfigured, Message: "the Secret has no key ssh-privatekey"},
		},
		"no such repository": {
			map[string]string{"ssh-privatekey": string(s.key), "known_hosts": line},
			"/nonexistent.git",
			Error{Reason: NoSuchRepo, Message: `the server knows no such repository, or does not show it to these credentials; check the URL and the Secret; it says "fatal: '/nonexistent.git' does not appear to be a git repository"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := s.request(t, c.path, "")
			request.AuthDir = secret(t, c.keys)
			c.want.Message = request.Repo + ": " + c.want.Message
			if diff := cmp.Diff(&c.want, mustFail(t, request)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAnSSHServerSaysIsDecorationFreeAndQuoted(t *testing.T) {
	t.Parallel()
	s := newSSHServer(t)
	s.command = func(string) *exec.Cmd {
		return exec.Command("/bin/sh", "-c", `printf 'remote: \nremote: ========\nremote: \nremote: ERROR: The project you were looking for could not be found \033[31m or not.\nremote: ========\n' >&2; exit 1`)
	}
	got := mustFail(t, s.request(t, "/x", s.line(ssh.KeyAlgoED25519)))
	want := "ssh://git@" + s.address + `/x: the server knows no such repository, or does not show it to these credentials; check the URL and the Secret; it says "ERROR: The project you were looking for could not be found \x1b[31m or not."`
	if diff := cmp.Diff(&Error{Reason: NoSuchRepo, Message: want}, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestAnSSHServerThatStallsIsGivenUp(t *testing.T) {
	t.Parallel()
	hang := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	drip := func(conn net.Conn) {
		for {
			if _, err := conn.Write([]byte("x\r\n")); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	short := timeouts{connect: 200 * time.Millisecond, idle: 200 * time.Millisecond}
	for name, c := range map[string]struct {
		handle  func(net.Conn)
		command string
		wait    timeouts
	}{
		"before the handshake":          {hang, "", timeouts{time.Minute, 100 * time.Millisecond}},
		"in the handshake":              {drip, "", timeouts{100 * time.Millisecond, time.Minute}},
		"before the list of refs":       {nil, "exec sleep 60", short},
		"in the middle of a list":       {nil, "printf 0010; exec sleep 60", short},
		"having closed its output only": {nil, "exec >&-; exec sleep 60", short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSSHServer(t)
			s.handle = c.handle
			s.command = func(string) *exec.Cmd { return exec.CommandContext(t.Context(), "/bin/sh", "-c", c.command) }
			_, err := fetch(t.Context(), ask(t, s.request(t, "/x", s.line(ssh.KeyAlgoED25519))), c.wait)
			if e, ok := errors.AsType[*Error](err); !ok || e.Reason != Unreachable && e.Reason != BadServer {
				t.Errorf("got %v, want Unreachable", err)
			}
		})
	}
}

func TestACancelledFetchOverSSHEnds(t *testing.T) {
	t.Parallel()
	s := newSSHServer(t)
	started := make(chan struct{})
	s.command = func(string) *exec.Cmd {
		close(started)
		return exec.CommandContext(t.Context(), "/bin/sleep", "60")
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	_, err := fetch(ctx, ask(t, s.request(t, "/x", s.line(ssh.KeyAlgoED25519))), timeouts{time.Minute, time.Minute})
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != TimedOut {
		t.Errorf("got %v, want TimedOut", err)
	}
}

// The key of a pod's Secret can be renewed without the pod: files are read by each call.
func TestTheKeyIsReadAnew(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	s := newSSHServer(t)
	request := s.request(t, r.dir, s.line(ssh.KeyAlgoED25519))
	key := filepath.Join(request.AuthDir, "ssh-privatekey")
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	wrong, _ := ssh.MarshalPrivateKey(private, "")
	for _, step := range []struct {
		key  []byte
		want Reason
	}{{pem.EncodeToMemory(wrong), Unauthorized}, {bytes.TrimSpace(s.key), ""}} {
		if err := os.Chmod(key, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(key, step.key, 0o644); err != nil {
			t.Fatal(err)
		}
		request.Dir = t.TempDir()
		_, err := fetch(t.Context(), ask(t, request), testTimeouts)
		var got Reason
		if e, ok := errors.AsType[*Error](err); ok {
			got = e.Reason
		}
		if got != step.want {
			t.Errorf("got %v, want reason %q", err, step.want)
		}
	}
}
