// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"strings"
	"testing"
)

// The second of the two pods that started the project: a producer and a consumer,
// and a queue that the consumer needs before the producer has made it.
func mc2(name string, annotations ...string) string {
	return podOf(name, annotations, app{"consumer", 0, "consumer"}, app{"producer", 0, "producer"})
}

const (
	queueFirst = `ipc.pillion.dev/mqueue: "/ch6_ipc?maxmsg=10&msgsize=1024"`
	waitFor    = `start.pillion.dev/after: "consumer=mqueue:/ch6_ipc"`
)

// Without help the consumer is too early and ends, and the producer waits for ever
// for somebody to read.
func TestAConsumerThatIsListedFirstFails(t *testing.T) {
	t.Parallel()
	s := tell(t)
	// A second, so that the producer is not first on a busy machine, where the kubelet starts it second.
	s.apply(podOf("mc2", nil, app{"consumer", 0, "consumer"}, app{"producer", 0, "busybox, sh, -c, sleep 1; exec producer"}))
	if code := s.ends("mc2", "consumer"); code != "1" {
		t.Errorf("the consumer's exit code is %s, want 1", code)
	}
	s.await(func() error {
		queue, err := kubectl(s.Context(), "", "-n", s.namespace, "exec", "mc2", "-c", "producer", "--", "cat", "/dev/mqueue/ch6_ipc")
		if err == nil && !strings.Contains(queue, "QSIZE:10240 ") {
			err = errors.New("the queue is not full: " + queue)
		}
		return err
	})
	if phase := s.kubectl("get", "pod", "mc2", "-o", "jsonpath={.status.phase}"); phase != "Running" {
		t.Errorf("the pod is %s, want Running: it hangs", phase)
	}
	s.kubectl("delete", "pod", "mc2", "--now")
}

func TestWithItsQueueMadeFirstMC2Completes(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.succeedsOften(func(name string) string { return mc2(name, queueFirst) })
}

func TestWithItsConsumerWaitingMC2Completes(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.succeedsOften(func(name string) string { return mc2(name, waitFor) })
}

func TestBothHelpFromOnePodDoesNoHarm(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(mc2("mc2", queueFirst, waitFor))
	s.allSucceed(1)
	s.said("mc2", "consumer", "received 500 messages") // and nothing of the wrapper, which had nothing to wait for
	s.said("mc2", "producer", "sent 500 messages")
}

// Only its owner, or root, may remove a queue, as the producer does at the end.
func TestMC2CompletesForTwoUsers(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	apps := []app{{"consumer", 1000, "consumer"}, {"producer", 2000, "producer"}}
	s.apply(podOf("made-first", []string{`ipc.pillion.dev/mqueue: "/ch6_ipc?maxmsg=10&msgsize=1024&mode=0644&uid=2000"`}, apps...))
	s.apply(podOf("waited-for", []string{waitFor}, apps...))
	s.allSucceed(2)
	s.said("made-first", "consumer", "received 500 messages")
}

func TestMC2CompletesAsAJob(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: mc2}
spec:
  backoffLimit: 0
  template:
    metadata:
      labels: {app: mc2}
      annotations: {` + queueFirst + `}
    spec:
      restartPolicy: Never
      containers:
        - {name: consumer, image: "pillion.test/e2e:dev", command: [consumer]}
        - {name: producer, image: "pillion.test/e2e:dev", command: [producer]}
`)
	s.wait("job/mc2", "Complete")
}

// Two init containers that want different queues of one name: the second one says
// so where kubectl describe shows it, and no app starts.
func TestAQueueThatDiffersIsTold(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(strings.Replace(mc2("mc2", queueFirst), "  containers:\n", `  initContainers:
    - {name: too, image: "ghcr.io/pillion-dev/pillion-helper:v0.1.0", args: [ipc-init, "--mqueue=/ch6_ipc?maxmsg=5&msgsize=512"]}
  containers:
`, 1))
	const want = "the queue /ch6_ipc exists with maxmsg 10 msgsize 1024 mode 0666 uid 65532, asked were maxmsg 5 msgsize 512 mode 0666 uid 65532; let its creator use the same attributes, or remove it first"
	s.await(func() error {
		if got := s.kubectl("get", "pod", "mc2", "-o", `jsonpath={.status.initContainerStatuses[?(@.name=="too")].state.terminated.message}`); strings.TrimSpace(got) != want {
			return errors.New("the message is " + got)
		}
		return nil
	})
}
