// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// gitSync is the label of a namespace whose helpers are git-sync. Its program is the
// stand-in cmd/gitsync, around Debian's git, unless webhook/git-sync-policy.yaml is changed.
const gitSync = "pillion.dev/policy=git-sync"

// current is where git-sync publishes below the mount path.
const current = "current/"

// A link of the repository that leads out of it must not show the app's own files, and an
// outage must hurt nobody, not even when git-sync itself starts again meanwhile.
func TestGitSyncServesWhatIsPushedInARestrictedNamespace(t *testing.T) {
	t.Parallel()
	server, s := tell(t), tell(t, restricted, gitSync)
	ip := server.gitServer()
	server.pushAs("main", "ln -s /etc/passwd leak && echo one > index.html")
	s.apply(pod("web", ip, `git-poller.pillion.dev/period: 1s
git-poller.pillion.dev/metrics-port: "9102"`, strict(1000650000)))
	s.wait("pod/web", "Ready")
	if got := s.page("web", current) + ", " + s.page("web", current+"leak"); got != "one, /etc/passwd" {
		t.Errorf("the page and the link are %q, want one, and what the link says", got)
	}
	if got := s.kubectl("exec", "web", "-c", "web", "--", "busybox", "wget", "-qO-", "http://localhost:9102/metrics"); !strings.Contains(got, "git_fetch_count_total") {
		t.Errorf("the metrics are %q", got)
	}
	if got := s.kubectl("exec", "web", "-c", "web", "--", "busybox", "sh", "-c", "touch /usr/share/nginx/html/.git-sync/x 2>&1; true"); !strings.Contains(got, "Read-only file system") {
		t.Errorf("the app, writing to git's own folder, is told %q", got)
	}
	server.push("two")
	s.awaitPage("web", current, "two")
	s.unhurtAt("web", "two", 0)

	server.kubectl("delete", "pod", "git", "--now")
	s.awaitLog("web", poller, "", "git.test")
	s.unhurtAt("web", "two", 0)
	s.terminate("web", poller, "/bin/sh", "-c", "kill 1")
	s.awaitPart("web", ready, "True 1")
	s.unhurtAt("web", "two", 1)
}

// unhurtAt is unhurt for git-sync, which was restarted so often.
func (s story) unhurtAt(pod, text string, restarts int) {
	s.Helper()
	if got := s.page(pod, current); got != text {
		s.Errorf("the page of %s is %q, want %q", pod, got, text)
	}
	if got, want := s.get(pod, ready), fmt.Sprint("True ", restarts); got != want {
		s.Errorf("ready and restarts are %q, want %q", got, want)
	}
}

// Nothing is there at first, so git-sync has to try again by itself.
func TestGitSyncFetchesOnceAndEnds(t *testing.T) {
	t.Parallel()
	s := tell(t, gitSync)
	ip := s.gitServer()
	s.apply(pod("web", ip, "git-poller.pillion.dev/mode: once", web))
	s.awaitLog("web", poller, "", "couldn't find remote ref HEAD")
	s.push("one")
	s.wait("pod/web", "Ready")
	s.unhurtAt("web", "one", 0)
	s.awaitPart("web", "jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}", "0")
}

func TestGitSyncGivesUpWhenTheTimeForOneFetchIsOver(t *testing.T) {
	t.Parallel()
	s := tell(t, gitSync)
	ip := s.gitServer() // whose repository stays empty
	s.apply(pod("web", ip, `git-poller.pillion.dev/mode: once
git-poller.pillion.dev/wait-timeout: 10s`, `  restartPolicy: Never`+web))
	s.awaitPart("web", "jsonpath={.status.phase} {.status.initContainerStatuses[0].state.terminated.exitCode}", "Failed 1")
}

func TestGitSyncTakesAPasswordAndAnAuthority(t *testing.T) {
	t.Parallel()
	s := tell(t, gitSync)
	const user, password = "deployer", "open-sesame-7Qx2"
	ip, authority := s.httpsServer(user, password)
	s.push("one")
	s.trust(authority)
	s.secret("login", "kubernetes.io/basic-auth", map[string]string{"username": user, "password": password})
	s.apply(siteOf("https://git.test:8443/site.git", ip, `
    git-poller.pillion.dev/secret: login
    git-poller.pillion.dev/ca-configmap: authority`))
	s.wait("pod/web", "Ready")
	s.unhurtAt("web", "one", 0)
	s.push("two")
	s.awaitPage("web", current, "two")
	for where, text := range map[string]string{
		"the helper's log": s.log("web", poller),
		"the pod":          s.get("web", "yaml"),
		"git's own folder": s.kubectl("exec", "web", "-c", "web", "--", "busybox", "find", "/usr/share/nginx/html/.git-sync/.git", "-type", "f", "-exec", "cat", "{}", "+"),
	} {
		if text == "" || strings.Contains(text, password) || strings.Contains(text, inBase64(password)) {
			t.Errorf("%s holds the password, or nothing at all:\n%s", where, text)
		}
	}
}

func TestGitSyncComesOverSSHFromTheRightHostOnly(t *testing.T) {
	t.Parallel()
	s := tell(t, gitSync)
	host, stranger, user := newSSHKey(t), newSSHKey(t), newSSHKey(t)
	ip := s.sshServer(host, user)
	s.push("one")
	s.sshSecret(user, stranger)
	manifest := siteOf("ssh://git@git.test:2222/srv/git/site.git", ip, `    git-poller.pillion.dev/secret: deploy-key`)
	s.apply(manifest)
	s.awaitLog("web", poller, "", "Host key verification failed")
	s.waits("web")
	s.kubectl("delete", "pod", "web", "--now")

	s.sshSecret(user, host)
	s.apply(manifest)
	s.wait("pod/web", "Ready")
	s.unhurtAt("web", "one", 0)
}
