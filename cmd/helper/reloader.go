// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/pillion-dev/pillion/internal/reloader"
	"github.com/pillion-dev/pillion/internal/scrape"
)

var reloaderVerb = verb{name: "config-reloader", does: "notify an app when the content of directories changes", run: runReloader}

type reloaderFlags struct {
	reloader.Options
	notify  notifyFlags
	metrics string
}

func parseReloader(e env) (*reloaderFlags, error) {
	var f reloaderFlags
	flags := flag.NewFlagSet("config-reloader", flag.ContinueOnError)
	flags.Func("watch", "a `directory` to watch; may be repeated", func(text string) error {
		if !filepath.IsAbs(text) || filepath.Clean(text) != text {
			return errors.New("must be an absolute path without . and .. in it")
		}
		if slices.Contains(f.Dirs, text) {
			return errors.New("is there already")
		}
		f.Dirs = append(f.Dirs, text)
		return nil
	})
	flags.DurationVar(&f.Debounce, "debounce", time.Second, "`time` without a further change after which the app is notified")
	flags.DurationVar(&f.Interval, "interval", time.Minute, "`time` between two scans, in addition to those that kernel events trigger")
	flags.StringVar(&f.metrics, "metrics-listen", "", "`host:port` to serve metrics at; none without it")
	f.notify.register(flags)
	if err := parse(flags, e); err != nil {
		return nil, err
	}
	switch {
	case len(f.Dirs) == 0:
		return nil, usageError{errors.New("--watch is needed: a directory to watch")}
	case f.Debounce <= 0 || f.Interval <= 0:
		return nil, usageError{fmt.Errorf("--debounce=%v and --interval=%v must be more than 0", f.Debounce, f.Interval)}
	case f.notify.url == "" && f.notify.signal == "":
		return nil, usageError{errors.New("one of --notify and --signal is needed: how to notify the app")}
	}
	f.Log = e.log
	return &f, f.notify.parse("Pillion-Content")
}

func runReloader(e env) error {
	f, err := parseReloader(e)
	if err != nil {
		return err
	}
	registry := scrape.NewRegistry()
	f.Metrics = reloader.NewMetrics(registry)
	f.Notify = f.notify.notifier(e.log, registry)
	if f.metrics != "" {
		go scrape.Serve(e.ctx, registry, f.metrics, e.log)
	}
	go f.Notify.Run(e.ctx)
	reloader.Run(e.ctx, f.Options)
	return nil
}
