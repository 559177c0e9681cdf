// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// hostileServer starts test/e2e/cmd/hostile in the story's namespace and returns its
// ClusterIP.
func (s story) hostileServer() (ip string) {
	s.Helper()
	ip = s.gitAddress()
	s.apply(`
apiVersion: v1
kind: Pod
metadata: {name: git, labels: {app: git}}
spec:
  containers:
    - name: git
      image: pillion.test/e2e:dev
      command: [hostile]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
`)
	s.wait("pod/git", "Ready")
	return ip
}

// be makes the server's repository something else, such as "page=one" or
// "attack=drips", and returns its commit.
func (s story) be(what, value string) string {
	s.Helper()
	return s.kubectl("exec", "git", "--", "busybox", "wget", "-qO-", "http://localhost:8080/be?"+what+"="+url.QueryEscape(value))
}

func TestAHostileRepositoryIsRefusedAndTheAppLives(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.hostileServer()
	s.be("page", "good 0")
	s.apply(pod("web", ip, "git-poller.pillion.dev/period: 1s", smallSite))
	s.wait("pod/web", "Ready")
	since := s.get("web", `jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime}`)

	for i, attack := range []struct{ name, reason, says string }{
		{"link-to-secrets", "Refused", `the commit's link \"leak\", with the target \"/var/run/secrets\", leads out of the published directory`},
		{"link-with-dots", "Refused", `the commit's link \"leak\", with the target \"assets/../../../etc/passwd\", leads out`},
		{"link-through-link", "Refused", `the commit's link \"leak\", with the target \"inner/up/../outside\", leads out`},
		{"name-dot-dot", "Refused", `the commit has an entry named \"..\" in directory \"\", which is not a name`},
		{"name-with-slash", "Refused", `the commit has an entry named \"../../outside\" in directory \"\", which is not a name`},
		{"name-dot-git", "Refused", `the commit has an entry \".GIT\", a name that belongs to git`},
		{"name-data", "Refused", `the commit has a top-level entry \"..data\"`},
		{"files-100001", "TooLarge", `the commit takes more of the volume than the budget of 10485760 bytes, in blocks of 4096; `},
		{"folders-in-folders", "TooLarge", `the commit takes more of the volume than the budget of 10485760 bytes, in blocks of 4096; `},
		{"one-file-2048-times", "TooLarge", `the commit takes more of the volume than the budget of 10485760 bytes, in blocks of 4096; \"aak\" is where`},
		{"object-of-2-gib", "TooLarge", `the repository holds an object of 2147483648 bytes, which is over the budget of 10485760`},
		{"objects-unpack-to-gib", "TooLarge", `the repository's pack unpacks to more than 32 times the budget of 10485760 bytes`},
		{"objects-4-billion", "TooLarge", `the repository has 4294967295 objects, and 524288 can be handled`},
		{"pack-without-end", "TooLarge", `the repository's pack is larger than the budget`},
		{"refs-without-end", "TooLarge", `the server's list of refs does not end within the budget`},
		{"object-lies", "BadServer", `the server's pack is damaged or ends early`},
		{"rude", "BadServer", `the server broke off; it says \"\\x1b[2J\\n{`},
		{"redirect-elsewhere", "UntrustedHost", `the server redirects to \"http://169.254.169.254\"`},
	} {
		before, start := s.log("web", poller), time.Now()
		where := "http://git.test:8080/site.git"
		if commit := s.be("attack", attack.name); attack.reason == "Refused" || attack.reason == "TooLarge" && attack.name != "refs-without-end" {
			where += " at " + commit
		}
		s.awaitLog("web", poller, before, fmt.Sprintf(`"reason":%q,"error":"%s: %s`, attack.reason, where, attack.says))
		t.Logf("%s: refused after %v", attack.name, time.Since(start).Round(100*time.Millisecond))
		if got, want := s.page("web", ""), fmt.Sprintf("good %d", i); got != want {
			t.Errorf("%s: the page is %q, want %q", attack.name, got, want)
		}
		if got := s.get("web", ready); got != "True 0" {
			t.Errorf("%s: ready and restarts are %q, want True 0", attack.name, got)
		}
		s.be("page", fmt.Sprintf("good %d", i+1))
		s.awaitPage("web", "", fmt.Sprintf("good %d", i+1))
	}

	if got := s.get("web", `jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime} {.status.containerStatuses[0].restartCount}`); got != since+" 0" {
		t.Errorf("the app became ready and was restarted %q, want %s 0", got, since)
	}
	if left := s.kubectl("exec", "web", "--", "busybox", "ls", "-A", "/usr/share/nginx/html/..data/"); left != "index.html" {
		t.Errorf("beside the page there is %q", left)
	}
}

// The time that one poll may take is ten minutes, and no annotation makes it less, so
// here the helper's command line is written by hand.
func TestAServerThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.hostileServer()
	s.be("page", "one")
	s.apply(byHand(ip, 65532, "--period=1s", "--fetch-timeout=3s"))
	s.wait("pod/web", "Ready")
	s.be("attack", "drips")
	s.awaitLog("web", poller, "", `"reason":"TimedOut","error":"http://git.test:8080/site.git: did not finish in the 3s that one poll may take`)
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the page is %q during the attack, want one", got)
	}
	s.be("page", "two")
	s.awaitPage("web", "", "two")
	if got := s.get("web", ready); got != "True 0" {
		t.Errorf("ready and restarts are %q, want True 0", got)
	}
}

// A fetch for once has a budget that an annotation sets.
func TestAServerThatNeverEndsFailsAPodThatWantsItOnce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.hostileServer()
	s.be("attack", "drips")
	s.apply(pod("web", ip, "git-poller.pillion.dev/mode: once\ngit-poller.pillion.dev/wait-timeout: 5s", "  restartPolicy: Never"+web))
	s.awaitPart("web", "jsonpath={.status.phase}", "Failed")
	message := s.get("web", "jsonpath={.status.initContainerStatuses[0].state.terminated.message}")
	if want := "no commit could be published within 5s: http://git.test:8080/site.git: "; !strings.Contains(message, want) {
		t.Errorf("the container's last words are %q, want %q among them", message, want)
	}
}
