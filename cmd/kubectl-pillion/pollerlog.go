// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// whyHidden is why a git-poller cannot be asked where processes are shared.
const whyHidden = "the containers of the pod share one process namespace, and git-poller hides there, with its Secret, from all other processes"

// read is what the log of a git-poller that cannot be asked tells, if that is of use.
func (p poller) read(ctx context.Context, client *cluster.Client, ofUse bool) content {
	a := content{Container: p.container, namespace: p.namespace, pod: p.pod}
	if !ofUse {
		a.Error = fmt.Sprintf("cannot be asked: %s; it polls by itself at each period. A new pod fetches at once, and without shareProcessNamespace (ipc.pillion.dev/process) a git-poller can be asked", whyHidden)
		return a
	}
	text, err := client.LogTail(ctx, p.namespace, p.pod, p.container, false)
	if err != nil {
		a.Error = fmt.Sprintf("%s, and its log cannot be read: %v", whyHidden, err)
		return a
	}
	if a.Status = statusOfLog(text); a.Status == nil {
		a.Error = fmt.Sprintf("%s, and the end of its log names no commit and no error; see kubectl -n %s logs %s -c %s", whyHidden, p.namespace, p.pod, p.container)
		return a
	}
	a.FromLog = true
	return a
}

// statusOfLog is what the end of a git-poller's log tells; nil if it tells nothing. Polls that
// find nothing new are not logged, so the age of the commit is not known.
func statusOfLog(text string) *gitstatus.Status {
	var s gitstatus.Status
	for line := range strings.Lines(text) {
		var l struct {
			Time           time.Time `json:"time"`
			Message        string    `json:"msg"`
			Repo           string    `json:"repo"`
			Ref            string    `json:"ref"`
			Commit         string    `json:"commit"`
			StillPublished string    `json:"stillPublished"`
			Files          int       `json:"files"`
			Bytes          int64     `json:"bytes"`
			Reason         string    `json:"reason"`
			Error          string    `json:"error"`
			Failures       int       `json:"failures"`
		}
		if json.Unmarshal([]byte(line), &l) != nil {
			continue
		}
		switch l.Message {
		case "published":
			s.Commit, s.Published, s.Files, s.Bytes, s.Failures = l.Commit, l.Time, l.Files, l.Bytes, 0
		case "recovered":
			s.Failures = 0
		case "poll failed":
			s.Commit, s.Failures = l.StillPublished, l.Failures
			s.LastError = &gitstatus.Poll{Result: gitstatus.Error, Began: l.Time, Reason: l.Reason, Message: l.Error}
		default:
			continue
		}
		s.Repo, s.Ref = l.Repo, l.Ref
	}
	if s.Commit == "" && s.LastError == nil {
		return nil
	}
	return &s
}
