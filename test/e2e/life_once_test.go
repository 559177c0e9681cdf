// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
)

// once is an app that reads its page and ends.
const once = `  restartPolicy: Never
  containers:
    - {name: reads, image: "pillion.test/e2e:dev", command: [busybox, grep, one, /usr/share/nginx/html/index.html]}
`

// The kubelet does not restart a helper's first attempt in such a pod, in some
// versions (kubernetes#132826), so it has to wait by itself for what is not there yet.
func TestAPodThatNeverRestartsWaitsForTheFirstCommitAndEnds(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.apply(pod("reads", ip, "git-poller.pillion.dev/period: 1s", once))
	s.awaitLog("reads", poller, "", `"reason":"NoSuchRef"`)
	s.push("one")
	s.awaitPart("reads", "jsonpath={.status.phase}", "Succeeded")
	const ends = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode} {.status.initContainerStatuses[0].restartCount}"
	if got := s.get("reads", ends); got != "0 0" {
		t.Errorf("the app's exit code and the helper's restarts are %q, want 0 0", got)
	}
	s.awaitPart("reads", "jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}", "0")
}

func TestContentThatIsWantedOnceIsThereAndTheHelperIsGone(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.apply(pod("web", ip, "git-poller.pillion.dev/mode: once", web))
	s.wait("pod/web", "Ready")
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the page is %q, want one", got)
	}
	if got := s.get("web", "jsonpath={.status.initContainerStatuses[0].state.terminated.reason}"); got != "Completed" {
		t.Errorf("the helper is %q, want Completed", got)
	}
}

func TestContentThatIsWantedOnceAndCannotBeHadFailsThePodWithASentence(t *testing.T) {
	t.Parallel()
	s := tell(t)
	// The pod's own address, where nobody listens. A Service without a server refuses only
	// when kube-proxy knows of it.
	s.apply(pod("reads", "127.0.0.1", "git-poller.pillion.dev/mode: once\ngit-poller.pillion.dev/wait-timeout: 10s", once))
	s.awaitPart("reads", "jsonpath={.status.phase}", "Failed")
	message := s.get("reads", "jsonpath={.status.initContainerStatuses[0].state.terminated.message}")
	const want = "pillion-helper git-poller: no commit could be published within 10s: http://git.test:8080/site.git: the server cannot be reached"
	if !strings.Contains(message, want) {
		t.Errorf("the helper's last words are %q, want %q among them", message, want)
	}
	if log := s.log("reads", poller); !strings.Contains(log, want) {
		t.Errorf("the log is %q, want %q in it", log, want)
	}
	t.Logf("kubectl shows: %s", message)
}
