// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var errGrow = errors.New("the page does not grow")

// gitServer starts a server in the story's namespace and returns its ClusterIP.
func (s story) gitServer() (ip string) {
	s.Helper()
	s.apply(`
apiVersion: v1
kind: Service
metadata: {name: git}
spec: {selector: {app: git}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: git, labels: {app: git}}
spec:
  containers:
    - name: git
      image: pillion.test/e2e:dev
      command: [gitserver]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
`)
	s.kubectl("wait", "--for=condition=Ready", "pod/git", "--timeout=2m")
	s.git(`git init -q --bare -b main /srv/git/site.git && git init -q -b main /tmp/w && cd /tmp/w &&
		git config user.email e2e@pillion.test && git config user.name e2e && git remote add origin /srv/git/site.git`)
	return s.kubectl("get", "service", "git", "-o", "jsonpath={.spec.clusterIP}")
}

// git runs a shell command beside the repositories.
func (s story) git(command string) string {
	s.Helper()
	return s.kubectl("exec", "git", "--", "busybox", "sh", "-ec", command)
}

// push makes text the page of the branch main.
func (s story) push(text string) {
	s.Helper()
	s.git(fmt.Sprintf(`cd /tmp/w && echo %q > index.html && git add -A && git commit -qm x && git push -q -f origin HEAD:main`, text))
}

func site(ip, annotations string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
  annotations:
    git-poller.pillion.dev/repo: http://git.test:8080/site.git
    git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    git-poller.pillion.dev/period: 1s
%s
spec:
  hostAliases: [{ip: %s, hostnames: [git.test]}]`, annotations, ip) + web
}

func TestAPageChangesWhenSomebodyPushes(t *testing.T) {
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(site(ip, ""))
	s.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=2m")
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
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(site(ip, ""))
	s.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=2m")
	s.kubectl("delete", "pod", "git", "--now")
	s.await(func() error {
		if log := s.kubectl("logs", "web", "-c", "pillion-git-poller"); !strings.Contains(log, "Unreachable") {
			return errors.New("the helper has not noticed the outage")
		}
		return nil
	})
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the page is %q during the outage, want one", got)
	}
	if got := s.kubectl("get", "pod", "web", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.initContainerStatuses[0].restartCount}`); got != "True 0" {
		t.Errorf("ready and restarts are %q, want True 0", got)
	}
}

// A job must end although its helper never would.
func TestAJobWithAPollerCompletes(t *testing.T) {
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
	s.kubectl("wait", "--for=condition=Complete", "job/reads", "--timeout=2m")
}
