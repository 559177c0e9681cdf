// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// behindAProxy is a golden case of the webhook.
const behindAProxy = "../../internal/admission/testdata/git-poller-proxy/"

func TestHelpersSayHowAPolicyHasServersReached(t *testing.T) {
	t.Parallel()
	text := said(t, exitOK, "", "helpers", "git-poller", "--policy", behindAProxy+"policy.yaml")
	const want = `  policy "behind-a-proxy": servers are reached through the proxy http://proxy.acme.example:3128;
  without it: .acme.example, 10.0.0.0/8; its login is in the Secret proxy-login of the pod's
  namespace
  policy "behind-a-proxy": further certificate authorities are in the ConfigMap acme-cas of the
  pod's namespace, key ca.crt
`
	if !strings.Contains(text, want) {
		t.Errorf("there is no\n%s\nin\n%s", want, text)
	}
	if text := said(t, exitOK, "", "helpers", "git-poller", "--policy", "testdata/explain/required.policy.yaml"); strings.Contains(text, "proxy") {
		t.Errorf("a proxy where the policy has none:\n%s", text)
	}
}

func TestExplainShowsTheObjectsThatAPodNeedsToReachServers(t *testing.T) {
	t.Parallel()
	text := said(t, exitOK, "", "explain", "-f", behindAProxy+"pod.yaml", "--policy", behindAProxy+"policy.yaml")
	for _, want := range []string{
		"pillion-proxy-git-poller: Secret proxy-login\n", "pillion-extra-ca-git-poller: ConfigMap acme-cas\n", "pillion-extra-ca-git-poller-own: ConfigMap acme-cas\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "proxy-git-poller-key") { // whose repository is reached by ssh
		t.Errorf("got\n%s", text)
	}
}
