// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Run it with -v to read what somebody types who sees Pillion for the first time.
func TestTheTranscriptOfAPush(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("Hello.")
	s.apply(strings.NewReplacer("command: [nginx]", `command: [busybox, httpd, -f, -p, "80", -h, /usr/share/nginx/html]`, "port: 8080", "port: 80").Replace(
		site(ip, `    git-poller.pillion.dev/notify: http://localhost/
    git-poller.pillion.dev/notify-method: GET
    kubectl.kubernetes.io/default-container: web`)))
	s.wait("pod/web", "Ready")

	s.typed("get", "pod", "web")
	s.typed("exec", "web", "--", "wget", "-qO-", "localhost")

	const push = `echo "Hello, world." >index.html && git commit -qam "Say more" && git push -q origin HEAD:main`
	fmt.Fprintln(t.Output(), "$", push)
	s.git("cd /tmp/w && " + push)
	start := time.Now()
	s.await(func() error {
		if s.kubectl("exec", "web", "--", "wget", "-qO-", "localhost") != "Hello, world." {
			return errors.New("the page is still the old one")
		}
		return nil
	})
	took := time.Since(start)
	s.typed("exec", "web", "--", "wget", "-qO-", "localhost")
	fmt.Fprintf(t.Output(), "# The page changed %.1f s after the push; the period is 1 s.\n", took.Seconds())
	commit := s.git("cd /tmp/w && git rev-parse HEAD")
	s.await(func() error {
		if log := s.kubectl("logs", "web", "-c", "pillion-git-poller"); !strings.Contains(log, `"msg":"app notified"`) || !strings.Contains(log, commit) {
			return fmt.Errorf("the log does not say that the app was told of %s:\n%s", commit, log)
		}
		return nil
	})
	s.typed("logs", "web", "-c", "pillion-git-poller")
	pillion := s.plugin()
	for _, verb := range [][]string{{"status"}, {"sync", "web"}} {
		fmt.Fprintf(t.Output(), "$ kubectl pillion %s\n%s\n", strings.Join(verb, " "), pillion(0, verb...))
	}
}

// typed runs kubectl as a user would, and shows it.
func (s story) typed(args ...string) {
	s.Helper()
	fmt.Fprintf(s.Output(), "$ kubectl %s\n%s\n", strings.Join(args, " "), s.kubectl(args...))
}
