// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestAClientStartsWhenTheServerAnswers(t *testing.T) {
	t.Parallel()
	s := tell(t)
	server := app{"server", 1000, "busybox, sh, -c, sleep 1; exec busybox httpd -f -p 8080 -h /etc"}
	client := app{"client", 1000, "busybox, wget, -qO-, 'http://127.0.0.1:8080/group'"}
	s.apply(podOf("port", []string{"start.pillion.dev/after: client=tcp:127.0.0.1:8080"}, client, server))
	s.apply(podOf("page", []string{"start.pillion.dev/after: client=http:127.0.0.1:8080/group"}, client, server))
	for _, name := range []string{"port", "page"} {
		if code := s.ends(name, "client"); code != "0" {
			t.Errorf("the exit code of the client that waits for the %s is %s, want 0", name, code)
		}
	}
	s.kubectl("delete", "pods", "--all", "--now")
}

// The app is the first process of its container, and its exit code is its own.
func TestAnAppThatWaitedIsItself(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(podOf("self", []string{"start.pillion.dev/after: app=started:other", "start.pillion.dev/umask: app=0027"},
		app{"app", 1000, `busybox, sh, -c, "echo $$$$ $(umask) $(id -u) $0 $*; exit 7", a, "b c"`},
		app{"other", 0, "busybox, sleep, '3600'"}))
	if code := s.ends("self", "app"); code != "7" {
		t.Errorf("the exit code is %s, want the app's own 7", code)
	}
	log := s.kubectl("logs", "self", "-c", "app")
	if !strings.Contains(log, "1 0027 1000 a b c") {
		t.Errorf("the app says %q, want to be process 1 with its arguments, the umask and its user", log)
	}
	t.Log(log)
	s.kubectl("delete", "pod", "self", "--now")
}

func TestOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(podOf("steps", []string{"ipc.pillion.dev/socket: /run/ipc", "start.pillion.dev/after: third=exited:second,second=exited:first"},
		app{"third", 0, "busybox, sh, -c, cat /run/ipc/log"},
		app{"second", 1000, "busybox, sh, -c, sleep 1; echo second >> /run/ipc/log"},
		app{"first", 0, "busybox, sh, -c, sleep 1; umask 0; echo first > /run/ipc/log"}))
	s.allSucceed(1)
	log := s.kubectl("logs", "steps", "-c", "third")
	if !strings.Contains(log, "first\nsecond") {
		t.Errorf("the third sees %q", log)
	}
}

func TestWaitingEndsWithASentence(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(podOf("late", []string{"start.pillion.dev/after: app=tcp:127.0.0.1:5432", "start.pillion.dev/timeout: 5s"}, app{"app", 1000, "busybox, 'true'"}))
	if code := s.ends("late", "app"); code != "75" {
		t.Errorf("the exit code is %s, want 75", code)
	}
	got := s.kubectl("get", "pod", "late", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.message}")
	if want := "busybox was not started: after 5s still tcp:127.0.0.1:5432: connection refused"; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
}

// The first process of a container does not die by a signal that it ignores, so it
// must not ignore this one.
func TestAPodThatWaitsIsDeletedAtOnce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(podOf("waits", []string{"start.pillion.dev/after: app=file:/never"}, app{"app", 1000, "busybox, 'true'"}) + unhurried)
	s.await(func() error {
		log, err := kubectl(s.Context(), "", "-n", s.namespace, "logs", "waits")
		if err == nil && !strings.Contains(log, "pillion: busybox waits for file:/never") {
			err = errors.New("nothing says that it waits")
		}
		return err
	})
	s.deletesAtOnce("waits")
}

// When a pod's sandbox is lost, the kubelet makes another, with an empty IPC
// namespace, and starts again with the init containers; volumes are kept. So the queue
// has to be made again, and what says that a container has started is of no worth.
//
// Whether the second container has to wait in the new sandbox is the kubelet's to say: if it
// tried to start it in the old one, back-off may have it start there after the first. So
// what is compared is what the wrapper knew when it let the app start, with what names
// the present start: the installed program.
func TestAllIsDoneAgainInANewSandbox(t *testing.T) {
	t.Parallel()
	s := tell(t)
	const look = "ls /dev/mqueue; echo told: $(busybox cat /.pillion/run/first); echo present: $(busybox stat -c %i /.pillion/bin/pillion-helper)"
	s.apply(strings.Replace(podOf("again",
		[]string{queueFirst, `ipc.pillion.dev/process: "true"`, "start.pillion.dev/after: second=started:first"},
		app{"second", 0, `busybox, sh, -c, "` + look + `; exec busybox sleep 3600"`},
		app{"first", 0, "busybox, sleep, '3600'"}), "Never", "Always", 1))
	s.wait("pod/again", "Ready")
	before := startsOf(s)
	s.terminate("again", "first", "busybox", "kill", "-TERM", "1") // the sandbox's process
	// Once each, or more often if the kubelet saw the containers' end before the sandbox's,
	// and has tried to start them there again.
	again := regexp.MustCompile(`^[1-9] [1-9] true true$`)
	s.await(func() error {
		got := s.get("again", `jsonpath={.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].ready}`)
		return unless(again.MatchString(got), "restarts and readiness are "+got)
	})
	if now := startsOf(s); now == before {
		t.Errorf("the program was not installed again: the start is %s as before", now)
	}
	if log := s.kubectl("logs", "again", "-c", "second"); !strings.Contains(log, "ch6_ipc\n") {
		t.Errorf("the second start of the container says %q, want the queue ch6_ipc in it", log)
	}
	s.kubectl("delete", "pod", "again", "--now")
}

// startsOf is the start of the pod that the second app found, which has to be the one that
// its wrapper waited for.
func startsOf(s story) (start string) {
	s.Helper()
	s.await(func() error {
		log, err := kubectl(s.Context(), "", "-n", s.namespace, "logs", "again", "-c", "second")
		found := regexp.MustCompile(`told: (\d+) (\d+)\npresent: (\d+)\n`).FindStringSubmatch(log)
		switch {
		case err != nil:
			return err
		case found == nil:
			return fmt.Errorf("the app has not told what it found: its log is %q", log)
		case found[1] != found[3]:
			s.Fatalf("the app was started before the other one had: its log is %q", log)
		}
		start = found[1] + " " + found[2] // inodes are used again
		return nil
	})
	return start
}
