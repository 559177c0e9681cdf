// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// With ssh the server has to prove who it is, by the key that the Secret's known_hosts
// has for it.
func TestAPageComesOverSSHFromTheRightHostOnly(t *testing.T) {
	t.Parallel()
	s := tell(t)
	host, stranger, user := newSSHKey(t), newSSHKey(t), newSSHKey(t)
	ip := s.sshServer(host, user)
	s.push("one")

	s.sshSecret(user, stranger)
	s.apply(siteOf("ssh://git@git.test:2222/srv/git/site.git", ip, `    git-poller.pillion.dev/secret: deploy-key`))
	sentence := s.awaitFailure("web", "UntrustedHost", "")
	want := fmt.Sprintf("ssh://git@git.test:2222/srv/git/site.git: the host key of git.test:2222 is %s, and the Secret's known_hosts says %s; "+
		"if the server's operator has changed it, update known_hosts, and if not, this is another server", host, stranger)
	if sentence != want {
		t.Errorf("the helper says %q, want %q", sentence, want)
	}
	s.waits("web")

	s.sshSecret(user, host)
	s.waitFor(rotation, "pod/web", "Ready")
	s.unhurt("web", "one")
	commit := s.push("two")
	s.awaitPage("web", "", "two")

	s.sshSecret(user, stranger)
	s.awaitFailure("web", "UntrustedHost", commit)
	s.push("three")
	s.unhurt("web", "two")
}

// An sshKey is that of a host or of a user.
type sshKey struct {
	ssh.PublicKey
	private string
}

func newSSHKey(t *testing.T) sshKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return sshKey{key, string(pem.EncodeToMemory(block))}
}

// String is how people compare keys.
func (k sshKey) String() string {
	return fmt.Sprintf("%s (%s)", ssh.FingerprintSHA256(k), k.Type())
}

// sshServer starts Debian's sshd, which needs no privilege to serve its own user, and
// returns its ClusterIP. It does not like the modes of a Secret's files.
func (s story) sshServer(host, user sshKey) (ip string) {
	s.Helper()
	s.secret("git-server", "Opaque", map[string]string{"host_key": host.private, "authorized_keys": string(ssh.MarshalAuthorizedKey(user))})
	ip = s.gitAddress()
	s.startGitServer(`[/usr/sbin/sshd, -D, -e, -p, "2222", -h, /etc/git-server/host_key,
        -o, AuthorizedKeysFile=/etc/git-server/authorized_keys, -o, StrictModes=no]`, 2222)
	return ip
}

// sshSecret makes the Secret that a user needs to log in to a host.
func (s story) sshSecret(user, host sshKey) {
	s.Helper()
	s.secret("deploy-key", "kubernetes.io/ssh-auth", map[string]string{
		"ssh-privatekey": user.private,
		"known_hosts":    knownhosts.Line([]string{"git.test:2222"}, host) + "\n",
	})
}
