// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// metered is the app, and beside it test/e2e/cmd/meter.
const metered = `  shareProcessNamespace: true
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx]
      volumeMounts: [{name: tmp, mountPath: /tmp}]
    - name: meter
      image: pillion.test/e2e:dev
      command: [meter]
      securityContext: {runAsUser: 65532}
  volumes: [{name: tmp, emptyDir: {}}]
`

// TestMeasureAPoller asserts nothing that depends on the machine; it prints what a
// helper with its real limits needs for repositories of files that do not compress.
//
//	E2E_MEASURE=1 go test -count=1 -v -run TestMeasure ./test/e2e/
//
// Memory is in MiB: idle and peak of the process that stays, peak of a process that
// fetches, peak of the container without and with cached files. Times are in seconds:
// of the first sync, as the helper logs it, and from a push to the page.
func TestMeasureAPoller(t *testing.T) {
	if os.Getenv("E2E_MEASURE") == "" {
		t.Skip("it takes minutes; E2E_MEASURE=1 asks for it")
	}
	t.Log("repository           idle  peak  fetch  anonymous  all/limit  OOM kills  first sync  push to page")
	for _, r := range []struct{ name, files string }{
		{"1 MB", megabytes(1, 1)},
		{"50 MB", megabytes(50, 1)},
		{"300 MB", megabytes(300, 1)},
		{"300 MB in 2 files", megabytes(2, 150)},
		{"90000 small files", `i=0; while [ $i -lt 90000 ]; do i=$((i+1)); echo $i >$i; done`},
		{"900 MB", megabytes(900, 1)}, // beyond what the default policy allows
	} {
		t.Run(r.name, func(t *testing.T) { measure(t, r.name, r.files) })
	}
}

// megabytes is a shell command that makes n files of so many megabytes each.
func megabytes(n, size int) string {
	return fmt.Sprintf(`for i in $(seq %d); do head -c %d /dev/urandom >$i; done`, n, size*1_000_000)
}

func measure(t *testing.T, name, files string) {
	s := tell(t)
	ip := s.gitServer()
	s.apply(pod("web", ip, "git-poller.pillion.dev/ref: main\ngit-poller.pillion.dev/period: 1s\ngit-poller.pillion.dev/wait: \"false\"", metered))
	// A server that has its packs ready and sends them as they are.
	s.git(`cd /srv/git/site.git; git config receive.unpackLimit 1; git config pack.window 0; git config pack.compression 0`)
	s.git(fmt.Sprintf(`cd /tmp/w; git config core.compression 0; git config pack.window 0; %s
		echo one >index.html; git add -A; git commit -qm x; git push -q origin HEAD:next`, files))
	s.wait("pod/web", "Ready")
	s.git(`cd /srv/git/site.git && git update-ref refs/heads/main next`)
	first := "-"
	s.await(func() error {
		log := s.log("web", poller)
		if m := regexp.MustCompile(`"msg":"published".*"took":"([^"]*)"`).FindStringSubmatch(log); m != nil {
			first = m[1]
			return nil
		}
		if m := regexp.MustCompile(`"reason":"TooLarge","error":"([^"]*)"`).FindStringSubmatch(log); m != nil {
			t.Logf("%s: %s", name, m[1])
			first = "refused"
			return nil
		}
		return unless(false, "nothing is published")
	})
	toPage := "-"
	if first != "refused" {
		s.git(`cd /tmp/w && echo two > index.html && git commit -qam y && git push -q origin HEAD:main`)
		start := time.Now()
		s.awaitPage("web", "", "two")
		toPage = time.Since(start).Round(100 * time.Millisecond).String()
	}
	var u struct{ Poller, PollerPeak, FetchPeak, AnonymousPeak, ContainerPeak, Limit, OOMKills int64 }
	if err := json.Unmarshal([]byte(s.kubectl("exec", "web", "-c", "meter", "--", "busybox", "wget", "-qO-", "http://127.0.0.1:9100/")), &u); err != nil || u.FetchPeak == 0 {
		t.Fatalf("the meter says %+v (%v)", u, err)
	}
	if got := s.get("web", ready); got != "True 0" {
		t.Errorf("ready and restarts are %q, want True 0", got)
	}
	t.Logf("%s%s%4d  %4d  %5d  %9d  %5d/%d  %9d  %10s  %12s", name, strings.Repeat(" ", max(0, 20-len(name))), u.Poller>>20, u.PollerPeak>>20, u.FetchPeak>>20,
		u.AnonymousPeak>>20, u.ContainerPeak>>20, u.Limit>>20, u.OOMKills, first, toPage)
}
