// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"time"

	"github.com/pillion-dev/pillion/internal/gitargs"
	"github.com/pillion-dev/pillion/internal/gitpoller"
	"github.com/pillion-dev/pillion/internal/scrape"
)

var gitPollerVerb = verb{name: "git-poller", does: "keep a directory equal to a git repository", run: runGitPoller}

// What one poll may cost, where no flag says so.
const (
	fetchTimeout = 10 * time.Minute
	grace        = time.Minute
)

type gitPollerFlags struct {
	gitpoller.Options
	notify  notifyFlags
	metrics string
}

func parseGitPoller(e env) (*gitPollerFlags, error) {
	var f gitPollerFlags
	flags := flag.NewFlagSet("git-poller", flag.ContinueOnError)
	flags.StringVar(&f.Root, "root", "", "the `directory` to publish in")
	gitargs.Bind(flags, &f.Request)
	flags.DurationVar(&f.Period, "period", time.Minute, "`time` between two polls")
	flags.BoolVar(&f.Once, "once", false, "end when a commit is published")
	flags.DurationVar(&f.Timeout, "timeout", 10*time.Minute, "with --once: `time` after which to give up")
	flags.DurationVar(&f.FetchTimeout, "fetch-timeout", fetchTimeout, "`time` that one poll may take")
	flags.DurationVar(&f.Grace, "grace", grace, "`time` that a commit stays after the next is published")
	flags.StringVar(&f.metrics, "metrics-listen", "", "`host:port` to serve metrics at; none without it")
	flags.BoolVar(&f.NotifyFirst, "notify-first", false, "notify of the first commit as well: for an app that does not wait for it")
	f.notify.register(flags)
	if err := parse(flags, e); err != nil {
		return nil, err
	}
	switch {
	case f.Root == "":
		return nil, usageError{errors.New("--root is needed: the directory to publish in")}
	case f.Request.Repo == "":
		return nil, usageError{errors.New("--repo is needed: the URL of the repository")}
	case f.Period <= 0 || f.Timeout <= 0 || f.FetchTimeout <= 0:
		return nil, usageError{errors.New("--period, --timeout and --fetch-timeout must be more than 0")}
	}
	f.Log = e.log
	return &f, f.notify.parse("Pillion-Commit")
}

// gitFetchVerb is git-poller's child.
var gitFetchVerb = verb{name: gitpoller.ChildArg, run: runGitFetch}

func runGitFetch(e env) error { return gitpoller.ServeChild(e.ctx, e.stdin, e.stdout) }

func runGitPoller(e env) error {
	f, err := parseGitPoller(e)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f.Fetch = gitpoller.Child(self, gitpoller.ChildMemory())
	registry := scrape.NewRegistry()
	f.Metrics = gitpoller.NewMetrics(registry)
	f.Notify = f.notify.notifier(e.log, registry)
	f.Wake = wakes(e.ctx)
	if f.Board, err = gitpoller.NewBoard(); err != nil {
		e.log.Warn("this git-poller cannot answer status and sync requests", "error", err.Error())
	}
	if f.metrics != "" {
		go scrape.Serve(e.ctx, registry, f.metrics, e.log)
	}
	go f.Notify.Run(e.ctx)
	return gitpoller.Run(e.ctx, f.Options)
}

// wakes is received from when somebody asks for a poll: see [gitpoller.Ask].
func wakes(ctx context.Context) <-chan struct{} {
	asked, wake := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(asked, gitpoller.Ask)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				select {
				case wake <- struct{}{}:
				default: // it will be heard
				}
			}
		}
	}()
	return wake
}
