// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTheTranscript is what somebody types who sees Pillion for the first time: a pod, a push, and
// an outage. `make demo NODE=1` prints it.
func TestTheTranscript(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("Hello.")
	manifest := strings.NewReplacer("command: [nginx]", `command: [busybox, httpd, -f, -p, "80", -h, /usr/share/nginx/html]`, "port: 8080", "port: 80").Replace(
		site(ip, `    git-poller.pillion.dev/notify: http://localhost/
    git-poller.pillion.dev/notify-method: GET
    kubectl.kubernetes.io/default-container: web`))
	s.show("cat web.yaml", manifest)
	out, said, err := kubectlWarned(t.Context(), manifest, "-n", s.namespace, "apply", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	s.show("kubectl apply -f web.yaml", said+out)
	s.wait("pod/web", "Ready")
	s.typed("get", "pod", "web")
	s.typed("exec", "web", "--", "wget", "-qO-", "localhost")

	const push = `echo "Hello, world." >index.html && git commit -qam "Say more" && git push -q origin HEAD:main`
	s.show(push, s.git("cd /tmp/w && "+push))
	start := time.Now()
	s.await(func() error {
		if s.kubectl("exec", "web", "--", "wget", "-qO-", "localhost") != "Hello, world." {
			return errors.New("the page is still the old one")
		}
		return nil
	})
	took := time.Since(start)
	s.typed("exec", "web", "--", "wget", "-qO-", "localhost")
	fmt.Fprintf(t.Output(), "# The page changed %.1f s after the push; the period is 1 s.\n\n", took.Seconds())
	commit := s.git("cd /tmp/w && git rev-parse HEAD")
	s.await(func() error {
		if log := s.kubectl("logs", "web", "-c", "pillion-git-poller"); !strings.Contains(log, `"msg":"app notified"`) || !strings.Contains(log, commit) {
			return fmt.Errorf("the log does not say that the app was told of %s:\n%s", commit, log)
		}
		return nil
	})
	s.typed("logs", "web", "-c", "pillion-git-poller")
	pillion := s.plugin()
	s.show("kubectl pillion status", pillion(0, "status"))
	s.show("kubectl pillion sync web", pillion(0, "sync", "web"))

	s.typed("delete", "pod", "git", "--now") // the git server
	s.awaitFailure("web", "Unreachable", commit)
	s.show("kubectl pillion status", pillion(0, "status"))
	s.typed("get", "pod", "web")
	s.has("web", `{.status.conditions[?(@.type=="Ready")].status} {.status.initContainerStatuses[0].restartCount}`, "True 0")
	if got := s.typed("exec", "web", "--", "wget", "-qO-", "localhost"); got != "Hello, world." {
		t.Errorf("the page is %q during the outage, want the last commit", got)
	}
}

// typed runs kubectl as a user would, and shows it.
func (s story) typed(args ...string) (printed string) {
	s.Helper()
	printed = s.kubectl(args...)
	s.show("kubectl "+strings.Join(args, " "), printed)
	return printed
}

// show shows a command and what it printed.
func (s story) show(command, printed string) {
	if printed = strings.TrimSpace(printed); printed != "" {
		printed += "\n"
	}
	fmt.Fprintf(s.Output(), "$ %s\n%s\n", command, printed)
}
