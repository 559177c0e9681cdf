// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// remote is a repository of one file that tells its commit; "" is a server that is down.
type remote struct {
	mu     sync.Mutex
	commit string
	bad    bool // the commit
	polls  []time.Time
	packs  int // how often a commit was transferred
}

// set makes the remote's ref mean another commit.
func (r *remote) set(commit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commit = commit
}

// transfers is how often a commit was transferred.
func (r *remote) transfers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.packs
}

func (r *remote) seen() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.polls)
}

func (r *remote) fetch(_ context.Context, q gitfetch.Request) (gitfetch.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polls = append(r.polls, time.Now())
	switch r.commit {
	case "":
		return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.Unreachable, Message: "down"}
	case q.Have, q.Bad:
		return gitfetch.Result{Commit: r.commit}, nil
	}
	r.packs++
	if r.bad {
		return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.Refused, Message: "no", Commit: r.commit}
	}
	tree := filepath.Join(q.Dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return gitfetch.Result{}, err
	}
	for _, name := range []string{filepath.Join(tree, "f"), filepath.Join(q.Dir, "kept")} {
		if err := os.WriteFile(name, []byte(r.commit), 0o644); err != nil {
			return gitfetch.Result{}, err
		}
	}
	return gitfetch.Result{Commit: r.commit, Changed: true, Files: 1, Bytes: int64(len(r.commit))}, nil
}

func options(t *testing.T, r *remote, log *bytes.Buffer) Options {
	t.Helper()
	return Options{
		Root: t.TempDir(), Request: gitfetch.Request{Repo: "https://a.test/b.git", Ref: "main", MaxBytes: 1 << 20},
		Fetch: r.fetch, Period: time.Minute, FetchTimeout: time.Minute, Timeout: 10 * time.Minute, Grace: time.Minute,
		Log: slog.New(slog.NewTextHandler(log, nil)), Metrics: NewMetrics(prometheus.NewRegistry()),
	}
}

// content is what readers see; "" if there is nothing.
func content(o Options) string {
	text, _ := os.ReadFile(filepath.Join(o.Root, "f"))
	return string(text)
}

func TestTheVolumeFollowsTheRemoteAndKeepsTheLastGoodCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{}
		o := options(t, r, &log)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- Run(ctx, o) }()

		var seen []string
		for _, commit := range []string{"", "aaa", "bbb", "", "ccc", "aaa"} {
			r.set(commit)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			seen = append(seen, content(o))
		}
		if diff := cmp.Diff([]string{"", "aaa", "bbb", "bbb", "ccc", "aaa"}, seen); diff != "" {
			t.Errorf("readers saw (-want +got):\n%s", diff)
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
		entries, err := os.ReadDir(o.Root)
		if err != nil || len(entries) != 5 { // ..data, ..aaa, ..staging, ..kept and f
			t.Errorf("old commits were not removed: %v %v", entries, err)
		}
		if n := strings.Count(log.String(), "msg=published"); n != 4 {
			t.Errorf("%d lines about published commits, want 4:\n%s", n, &log)
		}
	})
}

func TestAFullHashIsPublishedOnceAndPolledNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: strings.Repeat("a", 40)}
		o := options(t, r, &log)
		o.Request.Ref = r.commit
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = Run(ctx, o) }()
		time.Sleep(24 * time.Hour)
		if n := len(r.seen()); n != 1 {
			t.Errorf("%d polls in a day, want 1", n)
		}
		stop()
		synctest.Wait()
	})
}

func TestOnceEndsWithContentOrWithTheReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{}
		o := options(t, r, &log)
		o.Once = true
		err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "no commit could be published within 10m0s") {
			t.Errorf("got error %v, want one that tells the budget", err)
		}
		r.commit = "aaa"
		if err := Run(t.Context(), o); err != nil || content(o) != "aaa" {
			t.Errorf("got error %v and content %q", err, content(o))
		}
	})
}

// The time is up in the middle of a poll, which has learnt nothing.
func TestOnceEndsWithTheReasonOfTheLastPollThatWasNotCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{}
		o := options(t, r, &log)
		o.Once = true
		o.Fetch = func(ctx context.Context, q gitfetch.Request) (gitfetch.Result, error) {
			if len(r.seen()) > 0 {
				<-ctx.Done()
				return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.TimedOut, Message: "cut short"}
			}
			return r.fetch(ctx, q)
		}
		o.FetchTimeout = time.Hour
		err := Run(t.Context(), o)
		if want := "no commit could be published within 10m0s: down"; err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
		if n := strings.Count(log.String(), "poll failed"); n != 1 || strings.Contains(log.String(), "cut short") {
			t.Errorf("the log tells of %d failures, want the one that was not cut short:\n%s", n, &log)
		}
	})
}

func TestFailuresAreRetriedSoonAtFirstAndSeldomLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{}
		o := options(t, r, &log)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		if err := Run(ctx, o); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(r.polls); i++ {
			limit := min(time.Second<<min(i-1, 10), time.Minute)
			if got := r.polls[i].Sub(r.polls[i-1]); got < limit/2 || got > limit {
				t.Errorf("wait %d was %v, want %v to %v", i, got, limit/2, limit)
			}
		}
		if n := len(r.polls); n < 14 || n > 27 {
			t.Errorf("%d polls in ten minutes", n)
		}
	})
}

func TestAnotherWritersFileIsNotOverwritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: "aaa"}
		o := options(t, r, &log)
		theirs := filepath.Join(o.Root, "f")
		if err := os.WriteFile(theirs, []byte("theirs"), 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = Run(ctx, o) }()
		time.Sleep(5 * time.Minute)
		if got := content(o); got != "theirs" {
			t.Errorf("content is %q, want it untouched", got)
		}
		if err := os.Remove(theirs); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if got := content(o); got != "aaa" {
			t.Errorf("content is %q after the obstacle went away", got)
		}
		stop()
		synctest.Wait()
		if !strings.Contains(log.String(), "was put there by another process") {
			t.Errorf("the log does not say why:\n%s", &log)
		}
	})
}

func TestABadCommitIsTransferredOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: "aaa", bad: true}
		o := options(t, r, &log)
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = Run(ctx, o) }()
		time.Sleep(50 * time.Minute)
		if packs, polls := r.transfers(), len(r.seen()); packs != 1 || polls < 40 {
			t.Errorf("in 50 minutes it was transferred %d times in %d polls, want once in 40 or more", packs, polls)
		}
		time.Sleep(100 * time.Minute)
		if packs := r.transfers(); packs != 3 {
			t.Errorf("in 150 minutes it was transferred %d times, want 3", packs)
		}
		r.mu.Lock()
		r.commit, r.bad = "bbb", false
		r.mu.Unlock()
		time.Sleep(2 * time.Minute)
		if got := content(o); got != "bbb" {
			t.Errorf("content is %q after a good commit", got)
		}
		stop()
		synctest.Wait()
		if got := strings.Count(log.String(), "reason=Refused"); got < 100 {
			t.Errorf("the log says %d times that it is refused", got)
		}
	})
}

// A poll is told what it can build upon, unless polls have failed again and again: then
// it may be the reason.
func TestWhatIsPublishedIsBuiltUpon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{}
		o := options(t, r, &log)
		var told []string
		o.Fetch = func(ctx context.Context, q gitfetch.Request) (gitfetch.Result, error) {
			kept, _ := os.ReadFile(q.Kept)
			tree, _ := os.ReadFile(filepath.Join(q.Published, "f"))
			told = append(told, string(kept)+" "+string(tree))
			return r.fetch(ctx, q)
		}
		for _, commit := range []string{"aaa", "bbb", ""} {
			r.set(commit)
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			if err := Run(ctx, o); err != nil {
				t.Fatal(err)
			}
			stop()
		}
		if diff := cmp.Diff([]string{" ", "aaa aaa", "bbb bbb", "bbb bbb", "bbb bbb", " "}, told[:6]); diff != "" {
			t.Errorf("polls were told (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsMissingFromACheckoutIsWarnedOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: "aaa"}
		o := options(t, r, &log)
		o.Once = true
		o.Fetch = func(ctx context.Context, q gitfetch.Request) (gitfetch.Result, error) {
			result, err := r.fetch(ctx, q)
			result.Submodules, result.LFSPointers, result.Misfit = 2, 3, "why"
			return result, err
		}
		if err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"submodules=2", "files=3", "reason=why"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not have %s:\n%s", want, &log)
			}
		}
	})
}
