// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pillion-dev/pillion/internal/gitpoller"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// These two are for kubectl exec in the helper's container.
var (
	gitPollerSyncVerb   = verb{name: "git-poller sync", does: "have the git-poller of this container poll now", run: runGitPollerSync}
	gitPollerStatusVerb = verb{name: "git-poller status", does: "print the status of the git-poller of this container", run: runGitPollerStatus}
)

func runGitPollerSync(e env) error {
	flags := flag.NewFlagSet("git-poller sync", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 5*time.Minute, "`time` to wait for the poll")
	out := outputFlag(flags)
	if err := parse(flags, e); err != nil {
		return err
	}
	if *timeout <= 0 {
		return usageError{fmt.Errorf("--timeout=%v must be more than 0", *timeout)}
	}
	ctx, cancel := context.WithTimeout(e.ctx, *timeout)
	defer cancel()
	running, err := gitpoller.Find()
	if err != nil {
		return err
	}
	s, err := running.Sync(ctx)
	if err != nil {
		return err
	}
	if *out == asJSON {
		err = writeJSON(e.stdout, &s)
	} else if s.LastPoll.Result != gitstatus.Error {
		_, err = fmt.Fprintf(e.stdout, "%s (%s, polled in %s)\n", s.Commit, s.LastPoll.Result, seconds(s.LastPoll.Seconds))
	}
	if s.LastPoll.Result == gitstatus.Error {
		return fmt.Errorf("the poll failed (%s): %s; still published: %s", s.LastPoll.Reason, s.LastPoll.Message, orNothing(s.Commit))
	}
	return err
}

func runGitPollerStatus(e env) error {
	flags := flag.NewFlagSet("git-poller status", flag.ContinueOnError)
	out := outputFlag(flags)
	if err := parse(flags, e); err != nil {
		return err
	}
	running, err := gitpoller.Find()
	if err != nil {
		return err
	}
	s, err := running.Status()
	if err != nil {
		return err
	}
	if *out == asJSON {
		return writeJSON(e.stdout, &s)
	}
	_, err = io.WriteString(e.stdout, describe(&s))
	return err
}

// Formats of the output.
const (
	asText = "text"
	asJSON = "json"
)

func outputFlag(flags *flag.FlagSet) *string {
	format := asText
	flags.Func("o", "`format`: text or json", func(text string) error {
		if text != asText && text != asJSON {
			return fmt.Errorf("must be %s or %s", asText, asJSON)
		}
		format = text
		return nil
	})
	return &format
}

func writeJSON(w io.Writer, s *gitstatus.Status) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(s)
}

// describe says in words what matters of a status.
func describe(s *gitstatus.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "repository:   %s, ref %s\n", s.Repo, s.Ref)
	fmt.Fprintf(&b, "published:    %s", orNothing(s.Commit))
	if s.Commit != "" {
		fmt.Fprintf(&b, " (files: %d, bytes: %d)", s.Files, s.Bytes)
	}
	if age, ok := s.Age(); ok {
		fmt.Fprintf(&b, "\nlast success: %s ago (%s)\n", age.Round(time.Second), s.LastSuccess.UTC().Format(time.RFC3339))
	} else {
		fmt.Fprintf(&b, "\nlast success: none since the helper started %s ago\n", s.Time.Sub(s.Started).Round(time.Second))
	}
	if s.LastError != nil {
		since := "polls have succeeded since"
		if s.Failures > 0 {
			since = fmt.Sprintf("failures in a row: %d", s.Failures)
		}
		fmt.Fprintf(&b, "last error:   %s: %s (%s; %s)\n", s.LastError.Reason, s.LastError.Message, s.LastError.Began.UTC().Format(time.RFC3339), since)
	}
	switch {
	case s.Begun > s.Ended:
		b.WriteString("next poll:    under way\n")
	case !s.NextPoll.IsZero():
		fmt.Fprintf(&b, "next poll:    in %s\n", max(0, s.NextPoll.Sub(s.Time)).Round(time.Second))
	}
	for _, n := range s.Notify {
		state := "has not been notified of a commit"
		switch {
		case n.Pending && n.Error != "":
			state = "not notified yet: " + n.Error
		case n.Pending:
			state = "not notified yet"
		case n.Told != "":
			state = "notified of " + n.Told + " (" + n.At.UTC().Format(time.RFC3339) + ")"
		}
		fmt.Fprintf(&b, "app:          %s %s\n", n.Target, state)
	}
	return b.String()
}

func orNothing(commit string) string {
	if commit == "" {
		return "nothing"
	}
	return commit
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
}
