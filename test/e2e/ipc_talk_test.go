// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
)

// The programs make nothing themselves: what is not there when they start is an
// error.
func TestSystemVObjectsAreThereForTheFirstWhoComes(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	s.apply(podOf("queue", []string{`ipc.pillion.dev/sysv: "msg:0x1234"`},
		app{"reads", 1000, "peer, msg-receive, '0x1234'"}, app{"writes", 2000, "peer, msg-send, '0x1234', hello by message"}))
	s.apply(podOf("semaphore", []string{`ipc.pillion.dev/sysv: "sem:0x1234:3"`},
		app{"waits", 1000, "peer, sem-wait, '0x1234'"}, app{"posts", 2000, "peer, sem-post, '0x1234'"}))
	s.apply(podOf("memory", []string{`ipc.pillion.dev/sysv: "shm:0x1234:4096"`},
		app{"reads", 1000, "peer, segment-get, '0x1234'"}, app{"writes", 2000, "peer, segment-put, '0x1234', hello by memory"}))
	s.apply(podOf("by-path", []string{`ipc.pillion.dev/sysv: "msg:ftok(/run/ipc,65)"`, "ipc.pillion.dev/socket: /run/ipc"},
		app{"reads", 1000, "peer, msg-receive, '/run/ipc'"}, app{"writes", 2000, "peer, msg-send, '/run/ipc', hello by path"}))
	s.allSucceed(4)
	s.said("queue", "reads", "hello by message")
	s.said("memory", "reads", "hello by memory")
	s.said("by-path", "reads", "hello by path")
}

// The image of the article's time, and PyTorch's: /dev/shm has 64 MiB.
func TestBigSharedMemory(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	apps := []app{{"reads", 1000, "peer, shm-read, frames, '256'"}, {"writes", 2000, "peer, shm-write, frames, '256'"}}
	s.apply(podOf("asked", []string{"ipc.pillion.dev/shm: 300Mi"}, apps...))
	s.apply(podOf("not-asked", nil, apps[1]))
	for _, name := range []string{"reads", "writes"} {
		if code := s.ends("asked", name); code != "0" {
			t.Errorf("the exit code of %s is %s, want 0", name, code)
		}
	}
	s.ends("not-asked", "writes")
	s.said("asked", "reads", "read 268435456 bytes")
	if log := s.kubectl("logs", "not-asked"); !strings.Contains(log, "SIGBUS: bus error") {
		t.Errorf("without the annotation the writer says %q, want a bus error", log)
	}
}

// connect(2) needs the right to write to the socket's file, which the usual umask
// takes from all but its owner.
func TestASocketBetweenTwoUsers(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	server := app{"server", 1000, "peer, listen, /run/ipc/s"}
	client := app{"client", 2000, "peer, say, /run/ipc/s, hello"}
	s.apply(podOf("talks", []string{
		"ipc.pillion.dev/socket: /run/ipc", `ipc.pillion.dev/gid: "3000"`, "start.pillion.dev/umask: server=0002",
		"start.pillion.dev/after: client=socket:/run/ipc/s",
	}, client, server))
	s.apply(podOf("usual-umask", []string{
		"ipc.pillion.dev/socket: /run/ipc", `ipc.pillion.dev/gid: "3000"`,
		"start.pillion.dev/after: client=file:/run/ipc/s",
	}, client, server))
	if code := s.ends("usual-umask", "client"); code != "1" {
		t.Errorf("the client's exit code is %s with the usual umask, want 1", code)
	}
	if log := s.kubectl("logs", "usual-umask", "-c", "client"); !strings.Contains(log, "permission denied") {
		t.Errorf("the client says %q, want that permission is denied", log)
	}
	if code := s.ends("talks", "server"); code != "0" {
		t.Errorf("the server's exit code is %s, want 0", code)
	}
	s.said("talks", "server", "hello")
	s.kubectl("delete", "pod", "usual-umask", "--now")
}

func TestANamedPipeBetweenTwoUsers(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	s.apply(podOf("pipe", []string{"ipc.pillion.dev/fifo: /run/ipc/events"},
		app{"reads", 1000, "busybox, head, -n1, /run/ipc/events"},
		app{"writes", 2000, "busybox, sh, -c, echo hello by pipe > /run/ipc/events"}))
	s.allSucceed(1)
	s.said("pipe", "reads", "hello by pipe")
}

func TestASignalToAnotherContainer(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	s.apply(podOf("signal", []string{`ipc.pillion.dev/process: "true"`, "ipc.pillion.dev/socket: /run/ipc", "start.pillion.dev/after: sends=file:/run/ipc/ready"},
		app{"sends", 1000, "busybox, sh, -c, kill -USR1 $(busybox pidof peer)"},
		app{"receives", 1000, "peer, await, /run/ipc/ready"}))
	s.allSucceed(1)
	s.said("signal", "receives", "received user defined signal 1")
}

// A node that does not allow a sysctl fails the pod, and a ReplicaSet makes the next
// one: so what the platform team has not listed is refused before there is a pod.
func TestAnUnsafeSysctlIsThePlatformTeamsToAllow(t *testing.T) {
	t.Parallel()
	s := tell(t)
	deep := []app{{"shows", 0, "cat, /proc/sys/fs/mqueue/msg_max, /proc/sys/kernel/msgmax, /dev/mqueue/deep"}}
	s.apply(podOf("listed", []string{
		`ipc.pillion.dev/sysctls: "fs.mqueue.msg_max=50,kernel.msgmax=65536"`, `ipc.pillion.dev/mqueue: "/deep?maxmsg=50&msgsize=128"`,
	}, deep...))
	s.allSucceed(1)
	if got := s.kubectl("logs", "listed"); !strings.Contains(got, "50\n65536\nQSIZE:0 ") {
		t.Errorf("the settings and the queue are %q", got)
	}
	why := s.refused(podOf("unlisted", []string{`ipc.pillion.dev/sysctls: "kernel.shmmax=1"`}, deep...))
	if !strings.Contains(why, "kernel.shmmax") || !strings.Contains(why, "ipc.pillion.dev/sysctls") {
		t.Errorf("the refusal does not say what is not allowed: %s", why)
	}
	t.Log(why)
}
