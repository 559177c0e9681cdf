// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// rotation is how long it may take until a helper uses a Secret that has changed: a
// kubelet looks once a minute or so, and a helper that has failed often as rarely.
const rotation = 8 * time.Minute

// awaitFailure waits until the helper of a pod says that a poll failed,
// for a reason, while it goes on publishing a commit ("" for none yet). It returns the
// sentence.
func (s story) awaitFailure(pod, reason, published string) (sentence string) {
	s.Helper()
	s.awaitFor(rotation, func() error {
		log, err := kubectl(s.Context(), "", "-n", s.namespace, "logs", pod, "-c", "pillion-git-poller")
		if err != nil {
			return err // it has not started yet
		}
		for line := range strings.Lines(log) {
			var said struct {
				Reason, Error  string
				StillPublished string `json:"stillPublished"`
			}
			if json.Unmarshal([]byte(line), &said) == nil && said.Reason == reason && said.StillPublished == published {
				sentence = said.Error
				return nil
			}
		}
		return fmt.Errorf("the helper has not said %s while it published %q, but\n%s", reason, published, log)
	})
	return sentence
}

// unhurt makes sure that a pod serves text, is ready, and that its helper has never
// been restarted.
func (s story) unhurt(pod, text string) {
	s.Helper()
	if got := s.page(pod, ""); got != text {
		s.Errorf("the page of %s is %q, want %q", pod, got, text)
	}
	s.has(pod, `{.status.conditions[?(@.type=="Ready")].status} {.status.initContainerStatuses[0].restartCount}`, "True 0")
}

// waits makes sure that the app of a pod has not been started, and that its helper is
// at work and has never been restarted.
func (s story) waits(pod string) {
	s.Helper()
	s.has(pod, `{.status.containerStatuses[0].state.waiting.reason} {.status.initContainerStatuses[0].restartCount}`, "PodInitializing 0")
}

func (s story) has(pod, jsonpath, want string) {
	s.Helper()
	if got := s.kubectl("get", "pod", pod, "-o", "jsonpath="+jsonpath); got != want {
		s.Errorf("%s of %s is %q, want %q", jsonpath, pod, got, want)
	}
}
