// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"testing"
	"time"
)

func TestSIGTERMEndsAHelperAtOnceInTheMiddleOfAClone(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.hostileServer()
	s.be("attack", "drips")
	s.apply(pod("web", ip, `git-poller.pillion.dev/wait: "false"`, shared))
	s.wait("pod/web", "Ready")
	s.awaitConnection("web")
	took := s.fate(`now() { cut -d' ' -f1 /proc/uptime; }
		process git-fetch; process git-poller; before=$(now); kill -TERM $p
		n=0; while [ -e /proc/$p/exe ]; do n=$((n+1)); [ $n -lt 6000 ]; usleep 10000; done; echo $before $(now)`) // the clone lasts for ten minutes
	s.awaitPart("web", "jsonpath={.status.initContainerStatuses[0].lastState.terminated.exitCode}", "0")
	t.Logf("SIGTERM at and gone at, in seconds: %s", took)
}

// awaitConnection waits until a pod is connected to the hostile server for longer than
// a look at an honest one takes.
func (s story) awaitConnection(pod string) {
	s.Helper()
	ip := ""
	s.await(func() error {
		ip = s.get(pod, "jsonpath={.status.podIP}")
		return unless(ip != "", "the pod has no address")
	})
	s.await(func() error {
		_, err := kubectl(s.Context(), "", "-n", s.namespace, "exec", "git", "--", "busybox", "sh", "-ec",
			`for i in 1 2 3; do netstat -tn | grep ESTABLISHED | grep -q "$0:"; usleep 300000; done`, ip)
		return err
	})
}

func TestDeletingAPodInTheMiddleOfACloneEndsItsHelperWell(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.hostileServer()
	s.be("attack", "drips")
	s.apply(pod("web", ip, "", web+unhurried))
	s.awaitConnection("web")
	// Something that wants to know how the pod ended keeps it.
	s.kubectl("patch", "pod", "web", "--type=json", "-p", `[{"op":"add","path":"/metadata/finalizers","value":["pillion.test/reads-the-end"]}]`)
	t.Cleanup(func() {
		_, _ = kubectl(context.Background(), "", "-n", s.namespace, "patch", "pod", "web", "--type=json", "-p", `[{"op":"remove","path":"/metadata/finalizers"}]`)
	})
	start := time.Now()
	s.kubectl("delete", "pod", "web", "--wait=false")
	s.awaitFor(soon, func() error {
		got := s.get("web", "jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}")
		return unless(got == "0", "the helper's exit code is "+got)
	})
	t.Logf("the end is known %v after the deletion", time.Since(start).Round(100*time.Millisecond))
}
