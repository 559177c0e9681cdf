// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/notify"
)

// listener is an app that is told.
type listener struct {
	mu    sync.Mutex
	fails bool
	hangs bool
	heard []string
}

func (*listener) String() string { return "app" }
func (*listener) Kind() string   { return "http" }

func (l *listener) Tell(ctx context.Context, commit string) error {
	if l.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails {
		return errors.New("down")
	}
	l.heard = append(l.heard, commit)
	return nil
}

func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// lives runs a poller, as from one start of its container to its end, while the remote's
// ref means one commit after the other.
func lives(t *testing.T, o Options, l *listener, r *remote, commits ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	o.Notify = notify.New(o.Log, nil, l)
	go o.Notify.Run(ctx)
	go func() { _ = Run(ctx, o) }()
	for _, commit := range commits {
		r.set(commit)
		time.Sleep(10 * time.Minute)
	}
	stop()
	synctest.Wait()
}

func TestTheAppIsToldOfEachCommitThatTakesThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lives  [][]string // what the ref means, in each life of the helper's container
		reboot bool       // of the node, between two lives
		first  bool
		want   []string
	}{
		"the first commit comes before the app":          {lives: [][]string{{"aaa"}}},
		"the first commit, however late":                 {lives: [][]string{{"", "", "aaa"}}},
		"the first commit, of an app that does not wait": {lives: [][]string{{"", "aaa", "aaa"}}, first: true, want: []string{"aaa"}},
		"each later one, and one again":                  {lives: [][]string{{"aaa", "bbb", "bbb", "", "ccc", "aaa"}}, want: []string{"bbb", "ccc", "aaa"}},
		"a restart without a change":                     {lives: [][]string{{"aaa", "bbb"}, {"bbb", "bbb"}, {"", "bbb"}}, want: []string{"bbb"}},
		"a restart with a change":                        {lives: [][]string{{"aaa"}, {"bbb"}}, want: []string{"bbb"}},
		"a restart before the first commit":              {lives: [][]string{{""}, {"aaa"}}},
		"a node restart without a change":                {lives: [][]string{{"aaa"}, {"aaa"}}, reboot: true},
		"a node restart with a change":                   {lives: [][]string{{"aaa"}, {"bbb"}}, reboot: true, want: []string{"bbb"}},
		"a restart, of an app that does not wait":        {lives: [][]string{{"aaa"}, {"aaa"}}, first: true, want: []string{"aaa"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, l := &remote{}, &listener{}
				o := options(t, r, new(bytes.Buffer))
				o.NotifyFirst = tc.first
				for i, commits := range tc.lives {
					if tc.reboot && i > 0 {
						reboot(t, o.Root)
					}
					lives(t, o, l, r, commits...)
				}
				if diff := cmp.Diff(tc.want, l.all()); diff != "" {
					t.Errorf("the app was told of (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// reboot makes the published tree one of an earlier start of the node.
func reboot(t *testing.T, root string) {
	t.Helper()
	data := filepath.Join(root, "..data")
	old, err := os.Readlink(data)
	if err != nil {
		t.Fatal(err)
	}
	id, rest, _ := strings.Cut(strings.TrimPrefix(old, ".."), ".")
	_, chance, _ := strings.Cut(rest, "-")
	now := ".." + id + ".00000000-" + chance
	if err := errors.Join(os.Rename(filepath.Join(root, old), filepath.Join(root, now)), os.Remove(data), os.Symlink(now, data)); err != nil {
		t.Fatal(err)
	}
}

func TestAnAppThatDoesNotHearDoesNotHoldUpTheNextCommit(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]*listener{"that is down": {fails: true}, "that never answers": {hangs: true}} {
		synctest.Test(t, func(t *testing.T) {
			r := &remote{}
			o := options(t, r, new(bytes.Buffer))
			lives(t, o, l, r, "aaa", "bbb", "ccc") // and it ends
			if got := content(o); got != "ccc" {
				t.Errorf("beside an app %s the content is %q, want ccc", name, got)
			}
			if got := l.all(); got != nil {
				t.Errorf("an app %s heard of %q", name, got)
			}
		})
	}
}

func TestAPollCanBeAskedFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		commit string // that the ref means at first
		ref    string
	}{
		"between two polls":              {"aaa", "main"},
		"after many failures":            {"", "main"},
		"of a ref that means one commit": {strings.Repeat("a", 40), strings.Repeat("a", 40)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &remote{commit: tc.commit}
				o := options(t, r, new(bytes.Buffer))
				wake := make(chan struct{}, 1)
				o.Wake, o.Period, o.Request.Ref = wake, time.Hour, tc.ref
				ctx, stop := context.WithCancel(t.Context())
				go func() { _ = Run(ctx, o) }()
				time.Sleep(2 * time.Minute)
				before := len(r.seen())
				wake <- struct{}{}
				synctest.Wait()
				if got := len(r.seen()); got != before+1 {
					t.Errorf("%d polls after %d, want one more", got, before)
				}
				stop()
				synctest.Wait()
			})
		})
	}
}
