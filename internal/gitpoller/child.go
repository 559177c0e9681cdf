// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// keptAtMost is how long a child polls. After that a new one has a new connection, to
// where the name points then.
const keptAtMost = time.Hour

// collectAt makes Go's collector work earlier than by default: memory is what a pod is
// short of, and a fetch leaves little to collect.
const collectAt = 25

// Child is a [Fetcher] that polls in a process of its own, which is the program at path
// with [ChildArg]. Requests go to its standard input, so that nothing of them shows in
// a list of processes. memory bounds what the process may use, in bytes; 0 does not.
//
// The process lives as long as its connection is of use: it ends after a checkout and
// after an error, and with them all that they needed.
func Child(path string, memory int64) Fetcher {
	var kept *process
	return func(ctx context.Context, r gitfetch.Request) (gitfetch.Result, error) {
		dir, err := handDown(&r)
		if err != nil {
			return gitfetch.Result{Token: r.Token}, local(err)
		}
		defer dir.Close()
		request, err := json.Marshal(childRequest{Request: r, Memory: memory})
		if err != nil {
			return gitfetch.Result{}, local(err)
		}
		began := time.Now()
		child, out := kept, outcome{}
		kept = nil
		if child != nil && !child.worksIn(dir) {
			_ = child.end(nil)
			child = nil
		}
		if child != nil {
			out, err = child.ask(ctx, request, r.Keep)
		}
		if child == nil || err != nil && ctx.Err() == nil { // one that waited may have been ended by anybody
			if child, err = start(path, dir); err == nil {
				out, err = child.ask(ctx, request, r.Keep)
			}
		}
		if err == nil && out.Stays {
			kept = child
		}
		switch {
		case ctx.Err() != nil: // and the child has been ended, or will be found so
			return gitfetch.Result{Token: r.Token}, stopped(ctx, r.Repo, began)
		case err != nil:
			return gitfetch.Result{Token: r.Token}, died(r.Repo, err, child.lastWords(), memory)
		case out.Error != nil:
			return out.Result, out.Error // which can hold a token to keep
		}
		return out.Result, nil
	}
}

// handDown opens the directory of a request for the child, which gets the directory itself: a
// path would lead it to whatever has the name by then.
func handDown(r *gitfetch.Request) (*os.File, error) {
	if r.Dir == "" {
		return nil, nil //nolint:nilnil // no directory is nothing to hand down
	}
	dir, err := os.Open(r.Dir)
	if err != nil {
		return nil, err
	}
	r.Dir = "/proc/self/fd/3" // the first of ExtraFiles
	return dir, nil
}

// starved are the last words of Go's runtime when it gets no more memory: for the
// heap, for a thread, or for a page that the kernel promised before.
var starved = []string{
	"out of memory", "cannot allocate memory", "failed to create new OS thread", "SIGSEGV: segmentation violation\nPC=",
}

// stopped explains a child whose time was up.
func stopped(ctx context.Context, repo string, start time.Time) error {
	message := repo + ": the poll was stopped before it was done"
	deadline, ok := ctx.Deadline()
	switch {
	case errors.Is(context.Cause(ctx), errOver):
		message += ", when the time for all attempts was over"
	case ok && errors.Is(ctx.Err(), context.DeadlineExceeded):
		message = fmt.Sprintf("%s: did not finish in the %v that one poll may take; the repository is too large for that, or the server too slow",
			repo, deadline.Sub(start).Round(100*time.Millisecond))
	}
	return &gitfetch.Error{Reason: gitfetch.TimedOut, Message: message}
}

// died explains a child that gave no answer.
func died(repo string, err error, stderr string, memory int64) error {
	exit, exited := errors.AsType[*exec.ExitError](err)
	killed := exited && !exit.Exited()
	if memory > 0 && (killed || slices.ContainsFunc(starved, func(sign string) bool { return strings.Contains(stderr, sign) })) {
		return &gitfetch.Error{Reason: gitfetch.TooLarge, Message: fmt.Sprintf(
			"%s: fetching needs more memory than the %d MiB that are there for it; the repository is too large for the helper's memory limit, which the policy sets", repo, memory>>20)}
	}
	first, _, _ := strings.Cut(stderr, "\n")
	return &gitfetch.Error{Reason: gitfetch.Local, Message: fmt.Sprintf("%s: the fetching process failed (%v): %q", repo, err, first)}
}

// ServeChild is what a child process does: it polls for each request on in, one line
// of JSON each, and writes the outcome to out, as long as there is a connection to keep.
func ServeChild(ctx context.Context, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(collectAt)
	log.SetOutput(io.Discard) // net/http logs what a server sends unasked, which can be the credentials
	var session gitfetch.Session
	defer session.Close()
	began := time.Now()
	requests, outcomes := json.NewDecoder(in), json.NewEncoder(out)
	for polls := 0; ; polls++ {
		var r childRequest
		if err := requests.Decode(&r); polls > 0 && errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the request cannot be read: %w", err)
		}
		if polls == 0 {
			if err := limitMemory(r.Memory); err != nil {
				return err
			}
		}
		o := serveOne(ctx, &session, r.Request)
		o.Stays = r.Keep && o.Error == nil && !o.Result.Changed && time.Since(began) < keptAtMost
		if err := outcomes.Encode(o); err != nil || !o.Stays {
			return err
		}
		if polls == 0 {
			debug.FreeOSMemory() // a handshake, and what a program needs to start
		}
	}
}

func serveOne(ctx context.Context, session *gitfetch.Session, r gitfetch.Request) outcome {
	result, err := session.Fetch(ctx, r)
	if err == nil {
		return outcome{Result: result}
	}
	e, known := errors.AsType[*gitfetch.Error](err)
	if !known {
		e = &gitfetch.Error{Reason: gitfetch.Local, Message: err.Error()}
	}
	return outcome{Error: e}
}
