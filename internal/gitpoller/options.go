// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/notify"
	"github.com/pillion-dev/pillion/internal/publish"
)

// A Fetcher polls the remote once. Its error is a [*gitfetch.Error]; the result beside
// one holds at most a token.
type Fetcher func(context.Context, gitfetch.Request) (gitfetch.Result, error)

// Options say what to keep equal to what.
type Options struct {
	// Root is the volume in which commits are published.
	Root string
	// Request is what to ask for, without what a single poll adds.
	Request gitfetch.Request
	// Fetch polls.
	Fetch Fetcher
	// Period is the time between two polls.
	Period time.Duration
	// Once ends Run after the first publication.
	Once bool
	// Timeout is how long Run may try to get there, if Once is set.
	Timeout time.Duration
	// FetchTimeout is how long one poll may take.
	FetchTimeout time.Duration
	// Grace is how long a commit stays readable after the next one is published.
	Grace time.Duration
	// Wake is received from to poll at once; it may be nil.
	Wake <-chan struct{}
	// Notify is told of each commit that takes the place of another. Nil tells nobody.
	Notify *notify.Notifier
	// NotifyFirst tells of the first commit as well, for an app that does not wait for it.
	NotifyFirst bool
	// Board shows the status to processes of the same container. Nil shows nothing.
	Board *Board
	// Metrics are told what happens.
	Metrics *Metrics
	// Log is told what happens.
	Log *slog.Logger
}

// blameFor is how long a commit is refused without being fetched. What is wrong with it
// can change without the commit: a server may pack it smaller.
const blameFor = time.Hour

type poller struct {
	Options
	volume   *publish.Volume
	report   *report
	failures int             // since the last success
	blamed   *gitfetch.Error // of a commit, which need not be fetched to be refused again
	since    time.Time       // of blamed
}

// Reason is the reason of an error of a [Fetcher].
func Reason(err error) gitfetch.Reason {
	if e, ok := errors.AsType[*gitfetch.Error](err); ok {
		return e.Reason
	}
	return gitfetch.Local
}
