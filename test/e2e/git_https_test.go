// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

func TestAnAuthorityAndAPasswordAreCorrectedWhileTheHelperRuns(t *testing.T) {
	t.Parallel()
	s := tell(t)
	const user, right, wrong = "deployer", "open-sesame-7Qx2", "open-barley-9Zw4"
	ip, authority := s.httpsServer(user, right)
	s.push("one")
	other, _, _, err := issue("git.test")
	if err != nil {
		t.Fatal(err)
	}

	s.trust(other)
	s.secret("login", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": wrong})
	s.apply(siteOf("https://git.test:8443/site.git", ip, `
    git-poller.pillion.dev/secret: login
    git-poller.pillion.dev/ca-configmap: authority`))
	sentence := s.awaitFailure("web", "UntrustedHost", "")
	for _, part := range []string{"the certificate of git.test:8443 is not trusted (x509: certificate signed by unknown authority", "the ConfigMap of ca-configmap must hold its authority"} {
		if !strings.Contains(sentence, part) {
			t.Errorf("the helper says %q, want %q in it", sentence, part)
		}
	}
	s.waits("web")

	s.trust(authority)
	sentence = s.awaitFailure("web", "Unauthorized", "")
	want := "https://git.test:8443/site.git: the server does not take the username and password of the Secret; renew them, and check whether the server wants a certain username beside a token; " +
		`it says "unknown: deployer with … from Basic …"` // this server repeats what it was told
	if sentence != want {
		t.Errorf("the helper says %q, want %q", sentence, want)
	}
	s.waits("web")

	s.secret("login", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": right})
	s.waitFor(rotation, "pod/web", "Ready")
	s.unhurt("web", "one")
	s.push("two")
	s.awaitPage("web", "", "two")
	s.unhurt("web", "two")

	for where, text := range map[string]string{
		"the helper's log":  s.kubectl("logs", "web", "-c", "pillion-git-poller"),
		"the webhook's log": s.kubectl("-n", namespace, "logs", "-l", "app.kubernetes.io/name=pillion-webhook", "--tail=-1"),
		"the pod":           s.kubectl("get", "pod", "web", "-o", "yaml"),
		"an event":          s.kubectl("get", "events", "-o", "yaml"),
	} {
		for _, secret := range []string{right, wrong, inBase64(right), inBase64(wrong), inBase64(user + ":" + right), inBase64(user + ":" + wrong)} {
			if text == "" || strings.Contains(text, secret) {
				t.Errorf("%s holds the password as %s, or nothing at all:\n%s", where, secret, text)
			}
		}
	}
}

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// httpsServer starts a server for one user, and returns its ClusterIP and the
// authority that vouches for it.
func (s story) httpsServer(username, password string) (ip string, authority []byte) {
	s.Helper()
	authority, cert, key, err := issue("git.test")
	if err != nil {
		s.Fatal(err)
	}
	s.secret("git-server", "Opaque", map[string]string{"tls.crt": string(cert), "tls.key": string(key), "username": username, "password": password})
	ip = s.gitAddress()
	s.startGitServer("[gitserver, --tls-dir=/etc/git-server, --auth-dir=/etc/git-server]", 8443)
	return ip, authority
}

// trust makes the ConfigMap authority, or changes it.
func (s story) trust(authority []byte) {
	s.Helper()
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: authority}\ndata: {ca.crt: %q}", authority))
}
