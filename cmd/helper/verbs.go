// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

// verbs are all that this program can do, as the list of usage shows them. A new one is
// its file and one line here.
func verbs() []verb {
	return []verb{
		gitPollerVerb,
		gitPollerSyncVerb,
		gitPollerStatusVerb,
		dateWriterVerb,
		reloaderVerb,
		ipcInitVerb,
		installVerb,
		wrapVerb,
		probeVerb,
		versionVerb,
		gitFetchVerb,
	}
}

// find returns the verb that a command line begins with, and the arguments behind it.
func find(args []string) (found verb, rest []string, ok bool) {
	for _, v := range verbs() {
		words := strings.Fields(v.name)
		if len(words) > len(strings.Fields(found.name)) && len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			found, rest, ok = v, args[len(words):], true
		}
	}
	return found, rest, ok
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: pillion-helper VERB [--flag=value]…")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range verbs() {
		if v.does != "" {
			fmt.Fprintf(table, "  %s\t%s\n", v.name, v.does)
		}
	}
	table.Flush()
}

// run is main without the exit: it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	v, rest, ok := find(args)
	if !ok {
		usage(stderr)
		return exitUsage
	}
	if v.become != nil {
		return v.become(rest, stderr)
	}
	// What helpers write is for containers with any user ID.
	syscall.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := v.run(env{ctx, rest, stdin, stdout, stderr, slog.New(slog.NewJSONHandler(stderr, nil))})
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "pillion-helper %s: %v\n", v.name, err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "pillion-helper %s: %v\n", v.name, err)
	return exitFailed
}
