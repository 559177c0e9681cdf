// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// site is the pod web: nginx, which serves what is pushed to the story's git server.
func site(ip, annotations string) string {
	return siteOf("http://git.test:8080/site.git", ip, annotations)
}

func siteOf(repo, ip, annotations string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
  annotations:
    git-poller.pillion.dev/repo: %s
    git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    git-poller.pillion.dev/period: 1s
%s
spec:
  hostAliases: [{ip: %s, hostnames: [git.test]}]`, repo, annotations, ip) + web
}

func TestAPageChangesWhenSomebodyPushes(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(site(ip, ""))
	s.wait("pod/web", "Ready")
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the first page is %q, want one: the app starts after the first checkout", got)
	}
	s.push("two")
	start := time.Now()
	s.awaitPage("web", "", "two")
	t.Logf("from push to page: %v (period 1s)", time.Since(start).Round(time.Millisecond))

	s.git(`cd /tmp/w && git reset -q --hard HEAD~1`)
	s.push("rewritten")
	s.awaitPage("web", "", "rewritten")
}

// A sidecar that ends makes its pod unready, so an outage of the server must not end it.
func TestAnOutageOfTheServerHurtsNobody(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	commit := s.push("one")
	s.apply(site(ip, ""))
	s.wait("pod/web", "Ready")
	s.kubectl("delete", "pod", "git", "--now")
	s.awaitFailure("web", "Unreachable", commit)
	s.unhurt("web", "one")
}

// A job must end although its helper never would.
func TestAJobWithAPollerCompletes(t *testing.T) {
	t.Parallel()
	s := tell(t, "pod-security.kubernetes.io/enforce=baseline")
	ip := s.gitServer()
	s.push("one")
	s.apply(fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: reads}
spec:
  template:
    metadata:
      labels: {app: reads}
      annotations:
        git-poller.pillion.dev/repo: http://git.test:8080/site.git
        git-poller.pillion.dev/mount-path: /site
    spec:
      restartPolicy: Never
      hostAliases: [{ip: %s, hostnames: [git.test]}]
      containers:
        - {name: reads, image: "pillion.test/e2e:dev", command: [busybox, grep, one, /site/index.html]}
`, ip))
	s.wait("job/reads", "Complete")
}
