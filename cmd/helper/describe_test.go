// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/gitstatus"
)

func TestAStatusInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	down := &gitstatus.Poll{Number: 7, Result: gitstatus.Error, Began: ago(time.Minute), Reason: "Unreachable", Message: "no route"}
	const head = "repository:   https://a.test/b.git, ref main\n"
	for name, tc := range map[string]struct {
		status gitstatus.Status
		want   string
	}{
		"all is well": {
			gitstatus.Status{
				Commit: "aaa", Files: 2, Bytes: 3, LastSuccess: ago(90 * time.Second), NextPoll: now.Add(30 * time.Second), Begun: 2, Ended: 2,
				Notify: []gitstatus.Notification{{Target: "HUP:nginx", Told: "aaa", At: ago(time.Hour)}, {Target: "POST http://localhost/"}},
			},
			"published:    aaa (files: 2, bytes: 3)\nlast success: 1m30s ago (2026-11-30T11:58:30Z)\nnext poll:    in 30s\n" +
				"app:          HUP:nginx notified of aaa (2026-11-30T11:00:00Z)\napp:          POST http://localhost/ has not been notified of a commit\n",
		},
		"nothing yet": {
			gitstatus.Status{LastError: down, Failures: 3, Begun: 4, Ended: 3},
			"published:    nothing\nlast success: none since the helper started 1h0m0s ago\n" +
				"last error:   Unreachable: no route (2026-11-30T11:59:00Z; failures in a row: 3)\nnext poll:    under way\n",
		},
		"well again, and the app is not": {
			gitstatus.Status{
				Commit: "aaa", LastSuccess: now, LastError: down, Begun: 8, Ended: 8, NextPoll: ago(time.Second),
				Notify: []gitstatus.Notification{{Target: "HUP:nginx", Pending: true, Error: "nobody"}, {Target: "POST http://localhost/", Pending: true}},
			},
			"published:    aaa (files: 0, bytes: 0)\nlast success: 0s ago (2026-11-30T12:00:00Z)\n" +
				"last error:   Unreachable: no route (2026-11-30T11:59:00Z; polls have succeeded since)\nnext poll:    in 0s\n" +
				"app:          HUP:nginx not notified yet: nobody\napp:          POST http://localhost/ not notified yet\n",
		},
	} {
		s := tc.status
		s.Repo, s.Ref, s.Started = "https://a.test/b.git", "main", ago(time.Hour)
		s.Read(now)
		if diff := cmp.Diff(head+tc.want, describe(&s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
