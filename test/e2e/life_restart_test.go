// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"
)

// shared is the app, and beside it a container that can do to the helper what the
// kernel or a person on the node could: it has the helper's user ID and sees its
// processes.
const shared = `  shareProcessNamespace: true
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx]
      volumeMounts: [{name: tmp, mountPath: /tmp}]
    - name: fate
      image: pillion.test/e2e:dev
      command: [busybox, sleep, 1d]
      securityContext: {runAsUser: 65532}
  volumes: [{name: tmp, emptyDir: {}}]
  terminationGracePeriodSeconds: 1
`

// process is a shell function that finds a process of the helper by one of its
// arguments: git-poller is the one that stays, git-fetch the one that polls.
const process = `process() { for p in $(pidof pillion-helper); do grep -q "$1" /proc/$p/cmdline && return; done; return 1; }
`

// fate runs a shell command in the container of that name.
func (s story) fate(command string) string {
	s.Helper()
	return s.kubectl("exec", "web", "-c", "fate", "--", "busybox", "sh", "-ec", process+command)
}

func TestAHelperThatIsKilledWhileGitIsDownLeavesItsPodReady(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(pod("web", ip, "git-poller.pillion.dev/period: 1s", shared))
	s.wait("pod/web", "Ready")
	s.kubectl("delete", "pod", "git", "--now")
	s.awaitLog("web", poller, "", `"reason":"Unreachable"`)

	s.whileServed("web", "one", func() {
		start := time.Now()
		s.fate(`process git-poller; kill -KILL $p`)
		s.awaitPart("web", "jsonpath={.status.initContainerStatuses[0].restartCount}", "1")
		s.awaitPart("web", ready, "True 1")
		t.Logf("ready again %v after the kill", time.Since(start).Round(100*time.Millisecond))
		s.awaitLog("web", poller, "", `"reason":"Unreachable"`) // the new one's log
	})
	const killed = `jsonpath={.status.initContainerStatuses[0].lastState.terminated.exitCode}`
	if got := s.get("web", killed); got != "137" {
		t.Errorf("the helper ended with %s, want 137: it was to be killed", got)
	}
	if got := s.get("web", `jsonpath={.status.containerStatuses[*].restartCount}`); got != "0 0" {
		t.Errorf("the app was restarted %s times, want 0 0", got)
	}

	s.gitServer()
	s.push("two")
	s.awaitPage("web", "", "two")
}
