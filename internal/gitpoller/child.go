// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// ChildArg is the first argument of a child process: see [Child] and [ServeChild].
const ChildArg = "git-fetch"

// outcome is what a child writes to its standard output.
type outcome struct {
	Result gitfetch.Result `json:"result"`
	Error  *gitfetch.Error `json:"error,omitempty"`
}

// Child is a [Fetcher] that takes each look in a process of its own, which is the
// program at path with [ChildArg]. The request goes to its standard input, so that
// nothing of it shows in a list of processes. memory bounds what the process may use,
// in bytes; 0 does not.
func Child(path string, memory int64) Fetcher {
	return func(ctx context.Context, r gitfetch.Request) (gitfetch.Result, error) {
		cmd := exec.CommandContext(ctx, path, ChildArg)
		if err := handDown(cmd, &r); err != nil {
			return gitfetch.Result{}, local(err)
		}
		defer closeAll(cmd.ExtraFiles)
		request, err := json.Marshal(childRequest{Request: r, Memory: memory})
		if err != nil {
			return gitfetch.Result{}, local(err)
		}
		start := time.Now()
		var stdout bytes.Buffer
		stderr := &head{limit: 4 << 10}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &stdout, stderr
		cmd.Env = []string{} // it needs nothing from there, and so nothing there can lead it astray
		err = cmd.Run()
		if ctx.Err() != nil {
			return gitfetch.Result{}, stopped(ctx, r.Repo, start)
		}
		var out outcome
		if err == nil {
			err = json.Unmarshal(stdout.Bytes(), &out)
		}
		switch {
		case err != nil:
			return gitfetch.Result{}, died(r.Repo, err, stderr.String(), memory)
		case out.Error != nil:
			return gitfetch.Result{}, out.Error
		}
		return out.Result, nil
	}
}

// handDown gives the child the directory itself: a path would lead it to whatever has the
// name by then.
func handDown(cmd *exec.Cmd, r *gitfetch.Request) error {
	if r.Dir == "" {
		return nil
	}
	dir, err := os.Open(r.Dir)
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{dir}
	r.Dir = "/proc/self/fd/3" // the first of ExtraFiles
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// starved are the last words of Go's runtime when it gets no more memory: for the
// heap, for a thread, or for a page that the kernel promised before.
var starved = []string{
	"out of memory", "cannot allocate memory", "failed to create new OS thread", "SIGSEGV: segmentation violation\nPC=",
}

// stopped explains a child whose time was up.
func stopped(ctx context.Context, repo string, start time.Time) error {
	message := repo + ": the look at the remote was stopped before it was done"
	if deadline, ok := ctx.Deadline(); ok && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message = fmt.Sprintf("%s: did not finish in the %v that one look may take; the repository is too large for that, or the server too slow",
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

type childRequest struct {
	gitfetch.Request
	Memory int64 `json:"memory"`
}

// ServeChild is what a child process does: one look, from the request on in to the
// outcome on out.
func ServeChild(ctx context.Context, in io.Reader, out io.Writer) error {
	var r childRequest
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("the request cannot be read: %w", err)
	}
	if err := limitMemory(r.Memory); err != nil {
		return err
	}
	var o outcome
	result, err := gitfetch.Fetch(ctx, r.Request)
	if err != nil {
		e, known := errors.AsType[*gitfetch.Error](err)
		if !known {
			e = &gitfetch.Error{Reason: gitfetch.Local, Message: err.Error()}
		}
		o.Error = e
	}
	o.Result = result
	return json.NewEncoder(out).Encode(o)
}

// head keeps the beginning of what is written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), max(0, h.limit-h.Len()))])
	return len(p), nil
}
