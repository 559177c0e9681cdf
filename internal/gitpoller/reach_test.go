// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// A server that says when to come back is not asked before, and not long after.
func TestAServersWishToWaitIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: "a"}
		o := options(t, r, &log)
		var polls []time.Time
		o.Fetch = func(ctx context.Context, q gitfetch.Request) (gitfetch.Result, error) {
			polls = append(polls, time.Now())
			if len(polls) <= 2 {
				return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.Unreachable, Message: "busy", RetryAfter: 20 * time.Minute}
			}
			return r.fetch(ctx, q)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Run(ctx, o) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for i := range 2 {
			if gap := polls[i+1].Sub(polls[i]); gap < 20*time.Minute || gap > 22*time.Minute {
				t.Errorf("poll %d came after %v, want 20 to 22 minutes", i+1, gap)
			}
		}
		if gap := polls[3].Sub(polls[2]); gap > 2*time.Minute {
			t.Errorf("after a success the next poll came after %v, want the period of a minute", gap)
		}
		if !strings.Contains(log.String(), "error=busy") {
			t.Errorf("the log is %s", log.String())
		}
	})
}

// With mode once a wish beyond the time there is does not hold up the end.
func TestAWishToWaitDoesNotOutliveOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := options(t, &remote{}, &log)
		o.Once, o.Timeout = true, time.Minute
		o.Fetch = func(context.Context, gitfetch.Request) (gitfetch.Result, error) {
			return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.Unreachable, Message: "busy", RetryAfter: time.Hour}
		}
		begin := time.Now()
		err := Run(t.Context(), o)
		if took := time.Since(begin); err == nil || !strings.Contains(err.Error(), "busy") || took != time.Minute {
			t.Errorf("got %v after %v, want the server's error after a minute", err, took)
		}
	})
}

// A token of one poll is there for the next, whether the first succeeded or not.
func TestATokenIsPassedFromLookToLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &remote{commit: "a"}
		o := options(t, r, &log)
		var got []string
		o.Fetch = func(ctx context.Context, q gitfetch.Request) (gitfetch.Result, error) {
			value := ""
			if q.Token != nil {
				value = q.Token.Value
			}
			got = append(got, value)
			switch len(got) {
			case 1: // the server is down, but for the API
				return gitfetch.Result{Token: &gitfetch.Token{Value: "first"}}, &gitfetch.Error{Reason: gitfetch.Unreachable, Message: "down"}
			case 3: // it is taken back
				return gitfetch.Result{}, &gitfetch.Error{Reason: gitfetch.Unauthorized, Message: "no"}
			}
			result, err := r.fetch(ctx, q)
			result.Token = &gitfetch.Token{Value: "again"}
			return result, err
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Run(ctx, o) }()
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		cancel()
		<-done
		if diff := cmp.Diff([]string{"", "first", "again", "", "again"}, got[:5]); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
		if strings.Contains(log.String(), "first") || strings.Contains(log.String(), "again") {
			t.Errorf("the log holds the token: %s", log.String())
		}
	})
}

// net/http writes to the standard logger what a server sends on an idle connection. The
// beginning of what a child writes is in the poller's log if the child dies.
func TestALibraryOfAChildWritesNothing(t *testing.T) { //nolint:paralleltest // the logger is everybody's
	before := log.Writer()
	defer log.SetOutput(before)
	if err := ServeChild(t.Context(), strings.NewReader("x"), io.Discard); err == nil {
		t.Error("a request that is none is taken")
	}
	if log.Writer() != io.Discard {
		t.Error("the standard logger writes")
	}
}

// A poll that is cut short does not cost a token.
func TestAChildThatDiesKeepsTheToken(t *testing.T) {
	t.Parallel()
	token := &gitfetch.Token{Value: "x"}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for repo, ctx := range map[string]context.Context{"ends early": t.Context(), "hangs": ctx} {
		if got, err := child(t, 0)(ctx, gitfetch.Request{Repo: repo, Token: token}); err == nil || got.Token != token {
			t.Errorf("%s: got %+v (%v), want the token beside an error", repo, got, err)
		}
	}
}

// What a child says beside its error comes through; what it does not say is empty.
func TestATokenBesideAnErrorComesOutOfAChild(t *testing.T) {
	t.Parallel()
	for _, token := range []*gitfetch.Token{nil, {Value: "x", Ends: time.Now().UTC().Round(0), Of: "y"}} {
		want := outcome{Result: gitfetch.Result{Token: token}, Error: &gitfetch.Error{Reason: gitfetch.Unreachable, Message: "m", RetryAfter: time.Minute}}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := child(t, 0)(t.Context(), gitfetch.Request{Repo: "says", Ref: string(text)})
		if diff := cmp.Diff(want.Result, got); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(error(want.Error), err); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}
