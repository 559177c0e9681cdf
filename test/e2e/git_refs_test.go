// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestATagIsServedAndFollowed(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("one")
	s.git(`cd /tmp/w && git tag v1 && git push -q origin v1`)
	s.push("two, untagged")
	s.apply(site(ip, `    git-poller.pillion.dev/ref: v1`))
	s.wait("pod/web", "Ready")
	s.unhurt("web", "one")

	s.push("three")
	s.git(`cd /tmp/w && git tag -f -a -m moved v1 && git push -q -f origin v1`)
	s.awaitPage("web", "", "three")
}

// A hash means the same for ever, so there is nothing to ask the server any more. The
// pod has a second helper, which does ask, to tell that time goes by.
func TestAHashIsFetchedOnce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.git(`ln -s site.git /srv/git/pinned.git`)
	commit := s.push("one")
	s.apply(site(ip, fmt.Sprintf(`
    pinned.git-poller.pillion.dev/repo: http://git.test:8080/pinned.git
    pinned.git-poller.pillion.dev/ref: %s
    pinned.git-poller.pillion.dev/mount-path: /pinned
    pinned.git-poller.pillion.dev/period: 1s`, commit)))
	s.wait("pod/web", "Ready")
	s.push("two")
	s.awaitPage("web", "", "two")

	requests := func(line string) int {
		return strings.Count(s.kubectl("logs", "git"), line)
	}
	const poll = " POST /site.git/git-upload-pack" // over a connection that is kept
	seen := requests(poll)
	s.await(func() error {
		if requests(poll) < seen+3 {
			return errors.New("the other helper has stopped polling")
		}
		return nil
	})
	if got := requests(" GET /pinned.git/info/refs"); got != 1 {
		t.Errorf("the helper with the hash polled %d times, want once", got)
	}
	if got := s.kubectl("exec", "web", "-c", "web", "--", "busybox", "cat", "/pinned/index.html"); got != "one" {
		t.Errorf("the hash stands for %q, want one", got)
	}
}

func TestASubdirIsServedAndItsLossSurvived(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	commit := s.pushAs("main", `mkdir public && echo one > public/index.html && echo private > notes.txt`)
	s.apply(site(ip, `    git-poller.pillion.dev/subdir: public`))
	s.wait("pod/web", "Ready")
	s.unhurt("web", "one")
	if got := s.kubectl("exec", "web", "-c", "web", "--", "busybox", "ls", "/usr/share/nginx/html"); got != "index.html" {
		t.Errorf("the app sees %q, want index.html alone", got)
	}

	without := s.pushAs("main", `git mv public elsewhere`)
	sentence := s.awaitFailure("web", "NoSuchSubdir", commit)
	if want := `http://git.test:8080/site.git at ` + without + `: the commit has no directory "public": at its top there is "elsewhere"`; sentence != want {
		t.Errorf("the helper says %q, want %q", sentence, want)
	}
	s.unhurt("web", "one")

	s.pushAs("main", `git mv elsewhere public && echo two > public/index.html`)
	s.awaitPage("web", "", "two")
	s.unhurt("web", "two")
}

func TestADeletedBranchIsSurvived(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	s.push("of main")
	commit := s.pushAs("release", `echo one > index.html`)
	s.apply(site(ip, `    git-poller.pillion.dev/ref: release`))
	s.wait("pod/web", "Ready")
	s.unhurt("web", "one")

	s.git(`cd /tmp/w && git push -q origin :release`)
	sentence := s.awaitFailure("web", "NoSuchRef", commit)
	if want := `http://git.test:8080/site.git: the repository has no branch and no tag "release"; its default branch is "main"`; sentence != want {
		t.Errorf("the helper says %q, want %q", sentence, want)
	}
	s.unhurt("web", "one")

	s.pushAs("release", `echo two > index.html`)
	s.awaitPage("web", "", "two")
	s.unhurt("web", "two")
}
