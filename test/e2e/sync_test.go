// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Nobody waits for the period of a day: the helper is asked to poll, through the API server
// and the kubelet, and says what it serves.
func TestAPollerIsAskedAndSeenThroughTheAPIServer(t *testing.T) {
	t.Parallel()
	s := tell(t)
	pillion := s.plugin()
	ip := s.gitServer()
	first := s.push("one")
	s.apply(strings.Replace(site(ip, ""), "period: 1s", "period: 24h", 1))
	s.wait("pod/web", "Ready")
	if got := pillion(0, "status"); !strings.Contains(got, first[:12]) || !strings.Contains(got, " ago ") {
		t.Errorf("status does not show commit %s and its age:\n%s", first, got)
	}
	second := s.push("two")
	if got := pillion(0, "sync", "web"); !strings.Contains(got, fmt.Sprintf("web  pillion-git-poller  %s  changed", second[:12])) {
		t.Errorf("sync does not show commit %s:\n%s", second, got)
	}
	if got := s.page("web", ""); got != "two" {
		t.Errorf("the page after sync is %q, want two", got)
	}
	s.kubectl("delete", "pod", "git", "--now")
	if got := pillion(1, "sync", "pod/web"); !strings.Contains(got, "web/pillion-git-poller: the poll failed (Unreachable): ") {
		t.Errorf("sync does not say why the poll failed:\n%s", got)
	}
	if got := pillion(0, "status"); !strings.Contains(got, second[:12]) || !strings.Contains(got, "Unreachable: ") {
		t.Errorf("status does not show commit %s and the error:\n%s", second, got)
	}
}

// In a pod with one process namespace the helper hides, also from who would ask it.
func TestAPollerThatHidesIsSeenInItsLog(t *testing.T) {
	t.Parallel()
	s := tell(t)
	pillion := s.plugin()
	ip := s.gitServer()
	commit := s.push("one")
	s.apply(site(ip, `    ipc.pillion.dev/process: "true"`))
	s.wait("pod/web", "Ready")
	for _, want := range []string{commit[:12], "what the end of its log says", "share one process namespace"} {
		if got := pillion(0, "status"); !strings.Contains(got, want) {
			t.Errorf("status does not show %q:\n%s", want, got)
		}
	}
	if got := pillion(2, "sync", "web"); !strings.Contains(got, "web/pillion-git-poller: cannot be asked: the containers of the pod share one process namespace") {
		t.Errorf("sync does not say why it cannot ask:\n%s", got)
	}
	const status = "exec web -c pillion-git-poller -- /pillion-helper git-poller status"
	if out, err := kubectl(t.Context(), "", append([]string{"-n", s.namespace}, strings.Fields(status)...)...); err == nil || !strings.Contains(out+err.Error(), "in a pod whose containers share one process namespace a git-poller does") {
		t.Errorf("the helper's own verb does not say why it sees nobody: %v\n%s", err, out)
	}
}

// plugin builds kubectl pillion and returns how to call it: with the exit code that is
// expected, and for all that it prints.
func (s story) plugin() func(want int, args ...string) string {
	s.Helper()
	plugin := buildPlugin(s.T)
	return func(want int, args ...string) string {
		s.Helper()
		cmd := exec.CommandContext(s.Context(), plugin, append(args, "-n", s.namespace, "--kubeconfig", os.Getenv("E2E_KUBECONFIG"))...)
		var errOut strings.Builder
		cmd.Stderr = &errOut
		out, err := cmd.Output()
		if got := cmd.ProcessState.ExitCode(); got != want {
			s.Fatalf("kubectl pillion %q ends with %d (%v), want %d:\n%s%s", args, got, err, want, out, errOut.String())
		}
		return string(out) + errOut.String()
	}
}
