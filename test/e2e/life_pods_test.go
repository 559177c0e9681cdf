// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestTwoInstancesInOnePodFollowTwoBranches(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("site one")
	s.git(`cd /tmp/w && echo docs one > index.html && git commit -qam x && git push -q origin HEAD:docs && git reset -q --hard HEAD~1`)
	s.apply(pod("web", ip, `git-poller.pillion.dev/ref: main
git-poller.pillion.dev/period: 1s
docs.git-poller.pillion.dev/repo: http://git.test:8080/site.git
docs.git-poller.pillion.dev/ref: docs
docs.git-poller.pillion.dev/period: 1s
docs.git-poller.pillion.dev/mount-path: /usr/share/nginx/docs`, web))
	s.wait("pod/web", "Ready")
	const docs = "/usr/share/nginx/docs/index.html"
	if got := s.page("web", "") + ", " + s.kubectl("exec", "web", "--", "busybox", "cat", docs); got != "site one, docs one" {
		t.Errorf("the pages are %q, want site one, docs one", got)
	}
	s.git(`cd /tmp/w && git checkout -q -b docs origin/docs && echo docs two > index.html && git commit -qam x && git push -q origin docs && git checkout -q main`)
	s.await(func() error {
		got := s.kubectl("exec", "web", "--", "busybox", "cat", docs)
		return unless(got == "docs two", "the docs are "+got)
	})
	if got := s.page("web", ""); got != "site one" {
		t.Errorf("the site is %q, want site one: only the docs have changed", got)
	}
}

// strict is the app as the Pod Security standard "restricted" wants it, with a user
// ID for the whole pod.
func strict(user int64) string {
	return fmt.Sprintf(`  securityContext: {runAsNonRoot: true, runAsUser: %d, fsGroup: %[1]d, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes: [{name: tmp, emptyDir: {}}]
`, user)
}

// One namespace in which nothing may have a privilege, and a user ID that no image
// knows, as OpenShift gives each namespace one.
func TestBothHelpersServeAnAppWithARandomUserIDInARestrictedNamespace(t *testing.T) {
	t.Parallel()
	server := tell(t)
	ip := server.gitServer()
	server.push("one")
	s := tell(t, "pod-security.kubernetes.io/enforce=restricted")
	if _, err := kubectl(t.Context(), site(ip, ""), "-n", s.namespace, "apply", "-f", "-"); err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Errorf("an app that is not restricted gets the answer %v", err)
	}
	s.apply(pod("web", ip, `git-poller.pillion.dev/period: 1s
date-writer.pillion.dev/mount-path: /dates`, strict(1000650000)))
	s.wait("pod/web", "Ready")
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the page is %q, want one", got)
	}
	if got := s.kubectl("exec", "web", "--", "busybox", "sh", "-ec", "id -u; wc -l </dates/index.html"); !strings.HasPrefix(got, "1000650000\n") || got == "1000650000\n0" {
		t.Errorf("the app's user ID and number of dates are %q", got)
	}
	server.push("two")
	s.awaitPage("web", "", "two")
}

// No policy leaves the helper's user ID out, so here its command line is written by
// hand: the helper itself does not mind.
func TestTheHelperWorksUnderAnyUserID(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(byHand(ip, 1000650000, "--period=1s"))
	s.wait("pod/web", "Ready")
	s.push("two")
	s.awaitPage("web", "", "two")
	if got := s.get("web", ready); got != "True 0" {
		t.Errorf("ready and restarts are %q, want True 0", got)
	}
}
