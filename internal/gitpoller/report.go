// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/gitstatus"
	"github.com/pillion-dev/pillion/internal/notify"
	"github.com/pillion-dev/pillion/internal/version"
)

// report is what a poller says of itself, on its board and in its metrics.
type report struct {
	metrics  *Metrics
	board    *Board
	notifier *notify.Notifier

	mu     sync.Mutex // the notifier shows what it has done as well
	status gitstatus.Status
}

func newReport(o *Options) *report {
	o.Metrics.begin(o.Period)
	return &report{metrics: o.Metrics, board: o.Board, notifier: o.Notify, status: gitstatus.Status{
		Version: version.String(), Started: time.Now(),
		Repo: o.Request.Repo, Ref: o.Request.Ref, PeriodSeconds: o.Period.Seconds(),
	}}
}

// change changes the status and shows it.
func (r *report) change(f func(*gitstatus.Status)) {
	r.mu.Lock()
	f(&r.status)
	r.mu.Unlock()
	r.show()
}

// show puts the status on the board.
func (r *report) show() {
	r.mu.Lock()
	defer r.mu.Unlock()
	status := r.status
	for _, s := range r.notifier.States() {
		status.Notify = append(status.Notify, gitstatus.Notification{Target: s.Target, Told: s.Told, At: s.ToldAt, Pending: s.Pending, Error: s.Error})
	}
	r.board.show(status)
}

// serves takes note of the commit that an earlier process has published.
func (r *report) serves(root, commit string) {
	files, bytes := 0, int64(0)
	if commit != "" {
		files, bytes = measure(root)
		r.metrics.serves(commit, files, bytes)
	}
	r.change(func(s *gitstatus.Status) { s.Commit, s.Files, s.Bytes = commit, files, bytes })
}

// measure counts the published tree as [gitfetch.Result] does.
func measure(root string) (files int, bytes int64) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return 0, 0
	}
	defer dir.Close()
	tree, err := dir.OpenRoot("..data")
	if err != nil {
		return 0, 0
	}
	defer tree.Close()
	_ = fs.WalkDir(tree.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		files++
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return files, bytes
}

// begin takes note of a poll that begins now.
func (r *report) begin() time.Time {
	r.change(func(s *gitstatus.Status) {
		s.Begun++
		s.NextPoll = time.Time{}
	})
	return time.Now()
}

// end takes note of how the poll ended that began at start.
func (r *report) end(start time.Time, result gitfetch.Result, err error) {
	poll := gitstatus.Poll{Result: gitstatus.Unchanged, Commit: result.Commit, Began: start, Seconds: time.Since(start).Seconds()}
	switch {
	case err != nil:
		poll.Result, poll.Reason, poll.Message = gitstatus.Error, string(Reason(err)), err.Error()
	case result.Changed:
		poll.Result = gitstatus.Changed
		r.metrics.serves(result.Commit, result.Files, result.Bytes)
	}
	r.metrics.polled(&poll)
	r.change(func(s *gitstatus.Status) {
		s.Ended = s.Begun
		poll.Number = s.Ended
		s.LastPoll = &poll
		if err != nil {
			s.LastError = &poll
			return
		}
		s.LastSuccess, s.Failures = time.Now(), 0
		if result.Changed {
			s.Commit, s.Published, s.Files, s.Bytes = result.Commit, time.Now(), result.Files, result.Bytes
		}
	})
}

// due takes note of when the next poll is: never, if the ref always means the same.
func (r *report) due(wait time.Duration, failures int, never bool) {
	r.change(func(s *gitstatus.Status) {
		if s.Failures = failures; never {
			r.metrics.ends()
		} else {
			s.NextPoll = time.Now().Add(wait)
		}
	})
}
