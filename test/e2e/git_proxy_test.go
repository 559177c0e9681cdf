// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// proxied is the label of a namespace whose policy has a proxy and authorities for all pods.
const proxied = "pillion.dev/policy=proxied"

// Neither the pod nor its helper knows where git.test is: only the proxy does.
func TestARepositoryComesThroughTheProxyOfThePolicy(t *testing.T) {
	t.Parallel()
	s := tell(t, proxied)
	const user, right, wrong = "deployer", "open-sesame-5Rk8", "open-barley-3Vn6"
	ip, authority := s.httpsServer(user, right)
	commit := s.push("one")
	proxy, theirs := s.proxy(ip, user, right)
	s.secret("site", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": right})
	s.secret("proxy-login", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": wrong})
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: platform-authorities}\ndata: {ca.crt: %q}", string(authority)+string(theirs)))
	s.apply(strings.Replace(siteOf("https://git.test:8443/site.git", proxy, "    git-poller.pillion.dev/secret: site"), "[git.test]", "[proxy.test]", 1))
	sentence := s.awaitFailure("web", "Unauthorized", "")
	want := "https://git.test:8443/site.git: the proxy proxy.test:3128 does not take the username and password of its Secret (407); renew them"
	if sentence != want {
		t.Errorf("the helper says %q, want %q", sentence, want)
	}
	s.waits("web")

	s.secret("proxy-login", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": right})
	s.waitFor(rotation, "pod/web", "Ready")
	s.unhurt("web", "one")
	second := s.push("two")
	s.awaitPage("web", "", "two")
	s.unhurt("web", "two")

	log := s.kubectl("logs", "web", "-c", "pillion-git-poller")
	for _, part := range []string{commit, second} {
		if !strings.Contains(log, part) {
			t.Errorf("the helper's log does not hold the commit %s:\n%s", part, log)
		}
	}
	seen := s.kubectl("logs", "proxy")
	for _, part := range []string{"refused CONNECT git.test:8443", "connects git.test:8443"} {
		if !strings.Contains(seen, part) {
			t.Errorf("the proxy's log does not hold %q:\n%s", part, seen)
		}
	}
	for where, text := range map[string]string{
		"the helper's log": log, "the proxy's log": seen, "the pod": s.kubectl("get", "pod", "web", "-o", "yaml"), "an event": s.kubectl("get", "events", "-o", "yaml"),
	} {
		for _, secret := range []string{right, wrong, inBase64(right), inBase64(user + ":" + right), inBase64(user + ":" + wrong)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a password as %s:\n%s", where, secret, text)
			}
		}
	}
}

// proxy starts an https proxy that finds git.test at an address, and returns its ClusterIP and
// the authority that vouches for it.
func (s story) proxy(git, username, password string) (ip string, authority []byte) {
	s.Helper()
	authority, cert, key, err := issue("proxy.test")
	if err != nil {
		s.Fatal(err)
	}
	s.secret("proxy", "Opaque", map[string]string{"tls.crt": string(cert), "tls.key": string(key), "username": username, "password": password})
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: proxy}
spec: {selector: {app: proxy}, ports: [{port: 3128}]}
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, labels: {app: proxy}}
spec:
  hostAliases: [{ip: %s, hostnames: [git.test]}]
  containers:
    - name: proxy
      image: pillion.test/e2e:dev
      command: [proxy, --dir=/etc/proxy]
      readinessProbe: {tcpSocket: {port: 3128}, periodSeconds: 1}
      volumeMounts: [{name: secret, mountPath: /etc/proxy, readOnly: true}]
  volumes: [{name: secret, secret: {secretName: proxy}}]
`, git))
	s.wait("pod/proxy", "Ready")
	return s.kubectl("get", "service", "proxy", "-o", "jsonpath={.spec.clusterIP}"), authority
}
