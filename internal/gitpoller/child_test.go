// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// TestMain makes the test binary the child process as well: the repository in the
// request says how it is to behave.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == ChildArg {
		misbehave()
		return
	}
	os.Exit(m.Run())
}

func misbehave() {
	stdin := bufio.NewReader(os.Stdin)
	request, err := stdin.ReadString('\n')
	if err != nil {
		panic(err)
	}
	is := func(repo string) bool { return strings.Contains(request, `"repo":"`+repo+`"`) }
	switch {
	case is("panics"):
		panic("at the\ndisco")
	case is("is killed"):
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case is("ends early"):
		os.Exit(3)
	case is("says nothing"):
	case is("says nonsense"):
		fmt.Println("ready.")
	case is("says"): // what its ref is
		var r gitfetch.Request
		if err := json.Unmarshal([]byte(request), &r); err != nil {
			panic(err)
		}
		fmt.Println(r.Ref)
	case is("hangs"):
		time.Sleep(time.Hour)
	case is("shows its environment"):
		fmt.Printf(`{"error":{"reason":"Local","message":"%q"}}`, os.Environ())
	case is("stays"):
		for err == nil {
			fmt.Printf(`{"result":{"commit":"%d"},"stays":true}`, os.Getpid())
			_, err = stdin.ReadString('\n')
		}
	default: // as cmd/helper does
		if err := ServeChild(context.Background(), io.MultiReader(strings.NewReader(request), stdin), os.Stdout); err != nil {
			panic(err)
		}
	}
}

func child(t *testing.T, memory int64) Fetcher {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Child(self, memory)
}

// Whatever happens to a child, the poller gets an error that says what to do.
func TestAChildThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	const memory = 256 << 20
	const tooLarge = ": fetching needs more memory than the 256 MiB that are there for it; the repository is too large for the helper's memory limit, which the policy sets"
	for repo, want := range map[string]gitfetch.Error{
		"panics":        {Reason: gitfetch.Local, Message: `panics: the fetching process failed (exit status 2): "panic: at the"`},
		"ends early":    {Reason: gitfetch.Local, Message: `ends early: the fetching process failed (exit status 3): "`},
		"says nothing":  {Reason: gitfetch.Local, Message: `says nothing: the fetching process failed (it ended without an answer): "`},
		"says nonsense": {Reason: gitfetch.Local, Message: `says nonsense: the fetching process failed (invalid character 'r' looking for beginning of value): "`},
		"is killed":     {Reason: gitfetch.TooLarge, Message: "is killed" + tooLarge},
	} {
		t.Run(repo, func(t *testing.T) {
			t.Parallel()
			_, err := child(t, memory)(t.Context(), gitfetch.Request{Repo: repo})
			// It begins so: a test binary may have a last word to say.
			if got := err.Error(); Reason(err) != want.Reason || !strings.HasPrefix(got, want.Message) {
				t.Errorf("got %s: %s\nwant %s: %s", Reason(err), got, want.Reason, want.Message)
			}
		})
	}
}

func TestAnErrorOfThePollComesThrough(t *testing.T) {
	t.Parallel()
	_, err := child(t, 0)(t.Context(), gitfetch.Request{Repo: "ftp://a/b"})
	want := &gitfetch.Error{Reason: gitfetch.Misconfigured, Message: "the repository's URL must begin with https://, http:// or ssh://"}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestAChildThatIsKilledWithoutALimitIsNotSaidToBeTooLarge(t *testing.T) {
	t.Parallel()
	_, err := child(t, 0)(t.Context(), gitfetch.Request{Repo: "is killed"})
	want := &gitfetch.Error{Reason: gitfetch.Local, Message: `is killed: the fetching process failed (signal: killed): ""`}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestAChildGetsNoEnvironment(t *testing.T) {
	t.Parallel()
	_, err := child(t, 0)(t.Context(), gitfetch.Request{Repo: "shows its environment"})
	if err == nil || err.Error() != "[]" {
		t.Errorf("the child's environment is %v, want []", err)
	}
}

func TestAChildIsEndedWithItsContext(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want string
	}{
		"by its budget": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 100*time.Millisecond)
			},
			"hangs: did not finish in the 100ms that one poll may take; the repository is too large for that, or the server too slow",
		},
		"with the time for all attempts": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithTimeoutCause(ctx, 100*time.Millisecond, errOver)
				timed, also := context.WithTimeout(ctx, time.Hour)
				return timed, func() { also(); cancel() }
			},
			"hangs: the poll was stopped before it was done, when the time for all attempts was over",
		},
		"by the caller": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx, cancel
			},
			"hangs: the poll was stopped before it was done",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := tc.end(t.Context())
			defer cancel()
			_, err := child(t, 0)(ctx, gitfetch.Request{Repo: "hangs"})
			want := &gitfetch.Error{Reason: gitfetch.TimedOut, Message: tc.want}
			if diff := cmp.Diff(want, err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAChildThatStaysIsAskedAgain(t *testing.T) {
	t.Parallel()
	fetch := child(t, 0)
	ask := func() int {
		t.Helper()
		result, err := fetch(t.Context(), gitfetch.Request{Repo: "stays", Keep: true})
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(result.Commit)
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := ask()
	if again := ask(); again != first {
		t.Errorf("the second poll was in process %d, want %d", again, first)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil { // as the kernel does it when memory is short
		t.Fatal(err)
	}
	second := ask()
	if second == first {
		t.Errorf("the process %d answered after its end", first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch(ctx, gitfetch.Request{Repo: "stays", Keep: true}); Reason(err) != gitfetch.TimedOut {
		t.Errorf("a poll that was cut short: got %v, want TimedOut", err)
	}
	if third := ask(); third == second {
		t.Errorf("the process %d answered after its poll was cut short", second)
	}
}

func TestAProgramThatCannotBeStartedIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Child(filepath.Join(t.TempDir(), "none"), 0)(t.Context(), gitfetch.Request{Repo: "https://a.test/b"})
	if got := Reason(err); got != gitfetch.Local || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v (%s), want Local and why", err, got)
	}
}
