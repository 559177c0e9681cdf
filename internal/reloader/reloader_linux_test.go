// SPDX-License-Identifier: Apache-2.0

package reloader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/pillion-dev/pillion/internal/notify"
	"github.com/pillion-dev/pillion/internal/publish"
)

// listener is an app that is told.
type listener struct {
	mu    sync.Mutex
	heard []string
	told  chan struct{}
}

func (*listener) String() string { return "app" }
func (*listener) Kind() string   { return "http" }

func (l *listener) Tell(_ context.Context, change string) error {
	l.mu.Lock()
	l.heard = append(l.heard, change)
	l.mu.Unlock()
	select {
	case l.told <- struct{}{}:
	default:
	}
	return nil
}

func (l *listener) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.heard)
}

// logs is a log that can be read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is a reloader at work.
type running struct {
	*listener

	log     *logs
	metrics *Metrics
	stop    func()
}

// start starts a reloader with a watcher, and waits for nothing.
func start(t *testing.T, w func(*slog.Logger) *watcher, debounce time.Duration, dirs ...string) *running {
	t.Helper()
	r := &running{listener: &listener{told: make(chan struct{}, 1)}, log: &logs{}, metrics: NewMetrics(prometheus.NewRegistry())}
	ctx, stop := context.WithCancel(t.Context())
	log := slog.New(slog.NewTextHandler(r.log, nil))
	n := notify.New(log, nil, r.listener)
	var all sync.WaitGroup
	all.Go(func() { n.Run(ctx) })
	all.Go(func() {
		run(ctx, Options{Dirs: dirs, Debounce: debounce, Interval: time.Hour, Notify: n, Metrics: r.metrics, Log: log}, w(log))
	})
	r.stop = func() {
		stop()
		all.Wait()
	}
	return r
}

// awaits waits until the log says so.
func (r *running) awaits(t *testing.T, line string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !strings.Contains(r.log.String(), line); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", line, r.log)
		}
	}
}

// hears waits until the app is told.
func (r *running) hears(t *testing.T) {
	t.Helper()
	select {
	case <-r.told:
	case <-time.After(5 * time.Minute):
		t.Fatalf("the app is not told:\n%s", r.log)
	}
}

// blind is a watcher to which the kernel reports nothing.
func blind(*slog.Logger) *watcher {
	return &watcher{events: make(chan struct{}, 1), watches: map[int]bool{}}
}

// tree is a directory's content: a string for each file, "-> target" for a link.
type tree map[string]string

func (f tree) write(t testing.TB, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = errors.Join(err, os.Symlink(target, path))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// swap updates a directory as the kubelet updates a ConfigMap's
// (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go).
func swap(t testing.TB, dir string, version int, content tree) {
	t.Helper()
	data := fmt.Sprintf("..2026_11_30_%d", version)
	content.write(t, filepath.Join(dir, data))
	err := errors.Join(os.Symlink(data, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	for name := range content {
		if _, missing := os.Lstat(filepath.Join(dir, name)); missing != nil {
			err = errors.Join(err, os.Symlink("..data/"+name, filepath.Join(dir, name)))
		}
	}
	if version > 0 {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..2026_11_30_%d", version-1))))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheAppIsToldOfEachChange(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after func(t *testing.T, dir string)
	}{
		"of a ConfigMap": {
			func(t *testing.T, dir string) { swap(t, dir, 0, tree{"nginx.conf": "1"}) },
			func(t *testing.T, dir string) { swap(t, dir, 1, tree{"nginx.conf": "2"}) },
		},
		"of what git-poller publishes": {
			func(t *testing.T, dir string) { publishes(t, dir, "aaa", tree{"conf.d/site.conf": "1"}) },
			func(t *testing.T, dir string) { publishes(t, dir, "bbb", tree{"conf.d/site.conf": "2"}) },
		},
		"of a file": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) { tree{"a": "2"}.write(t, dir) },
		},
		"of a file deep below": {
			func(t *testing.T, dir string) { tree{"a/b/c": "1"}.write(t, dir) },
			func(t *testing.T, dir string) { tree{"a/b/c": "2"}.write(t, dir) },
		},
		"by a new directory": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) { tree{"b/c": "2"}.write(t, dir) },
		},
		"of a directory that was not there": {
			func(t *testing.T, dir string) { must(t, os.Remove(dir)) },
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
		},
		"of a directory whose parent was not there": {
			func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Dir(dir))) },
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
		},
		"of what a link on the way leads to": {
			func(t *testing.T, dir string) {
				must(t, os.Remove(dir))
				tree{"../one/a": "1", "../two/a": "2"}.write(t, dir)
				must(t, os.Symlink("one", dir))
			},
			func(t *testing.T, dir string) {
				must(t, os.Symlink("two", dir+"-next"))
				must(t, os.Rename(dir+"-next", dir))
			},
		},
		"by a removal": {
			func(t *testing.T, dir string) { tree{"a": "1", "b": "2"}.write(t, dir) },
			func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "b"))) },
		},
		"of a link": {
			func(t *testing.T, dir string) { tree{"a": "-> b"}.write(t, dir) },
			func(t *testing.T, dir string) {
				must(t, os.Remove(filepath.Join(dir, "a")))
				tree{"a": "-> c"}.write(t, dir)
			},
		},
	} {
		dirs := func(t *testing.T) (dir string, all []string) {
			dir = filepath.Join(t.TempDir(), "parent", "dir")
			must(t, os.MkdirAll(dir, 0o755))
			tc.before(t, dir)
			return dir, []string{t.TempDir(), dir}
		}
		t.Run(name+", and the kernel reports it", func(t *testing.T) {
			t.Parallel()
			dir, all := dirs(t)
			r := start(t, newWatcher, time.Millisecond, all...)
			defer r.stop()
			r.awaits(t, "msg=watching ")
			tc.after(t, dir)
			r.hears(t)
		})
		t.Run(name+", and a scan notices it", func(t *testing.T) {
			t.Parallel()
			dir, all := dirs(t)
			synctest.Test(t, func(t *testing.T) {
				r := start(t, blind, time.Second, all...)
				defer r.stop()
				time.Sleep(time.Minute)
				tc.after(t, dir)
				time.Sleep(2*polling + time.Second)
				if got := r.times(); got != 1 {
					t.Errorf("the app is told %d times, want once:\n%s", got, r.log)
				}
			})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func publishes(t *testing.T, dir, commit string, content tree) {
	t.Helper()
	v, err := publish.Open(dir)
	must(t, err)
	defer v.Close()
	must(t, v.Repair())
	stage, err := v.Stage()
	must(t, err)
	content.write(t, filepath.Join(stage, "tree"))
	must(t, v.Publish("tree", commit))
}

// Without reports of the kernel, time and scans are all there is: nothing here depends on
// how fast the machine is.
func TestOnlyAnotherContentIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after func(t *testing.T, dir string)
		want          int
	}{
		"nothing happens": {func(*testing.T, string) {}, func(*testing.T, string) {}, 0},
		"the same ConfigMap is written again": {
			func(t *testing.T, dir string) { swap(t, dir, 0, tree{"a": "1"}) },
			func(t *testing.T, dir string) { swap(t, dir, 1, tree{"a": "1"}) }, 0,
		},
		"a file is touched, and changes its mode": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) {
				must(t, os.Chtimes(filepath.Join(dir, "a"), time.Unix(1, 0), time.Unix(1, 0)))
				must(t, os.Chmod(filepath.Join(dir, "a"), 0o600))
			}, 0,
		},
		"git-poller polls, and finds nothing": {
			func(t *testing.T, dir string) { publishes(t, dir, "aaa", tree{"a": "1"}) },
			func(t *testing.T, dir string) { tree{"..staging/git/pack": "1", "..trash/a": "2"}.write(t, dir) }, 0,
		},
		"beside git-poller's content another file changes": {
			func(t *testing.T, dir string) { publishes(t, dir, "aaa", tree{"a": "1"}) },
			func(t *testing.T, dir string) { tree{"b": "2"}.write(t, dir) }, 1,
		},
		"many files change at once": {
			func(*testing.T, string) {},
			func(t *testing.T, dir string) {
				for i := range 100 {
					tree{fmt.Sprint(i): "1"}.write(t, dir)
				}
			}, 1,
		},
		"the directory goes away": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, 0,
		},
		"the directory goes away and comes back as it was": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) {
				must(t, os.RemoveAll(dir))
				time.Sleep(time.Minute)
				tree{"a": "1"}.write(t, dir)
			}, 0,
		},
		"the directory goes away and comes back changed": {
			func(t *testing.T, dir string) { tree{"a": "1"}.write(t, dir) },
			func(t *testing.T, dir string) {
				must(t, os.RemoveAll(dir))
				time.Sleep(time.Minute)
				tree{"a": "2"}.write(t, dir)
			}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "dir")
			must(t, os.Mkdir(dir, 0o755))
			tc.before(t, dir)
			synctest.Test(t, func(t *testing.T) {
				r := start(t, blind, time.Second, dir)
				time.Sleep(time.Minute)
				tc.after(t, dir)
				time.Sleep(time.Minute)
				if got := r.times(); got != tc.want {
					t.Errorf("the app was told %d times, want %d:\n%s", got, tc.want, r.log)
				}
				if got := testutil.ToFloat64(r.metrics.scans.WithLabelValues(changed)); got != float64(tc.want) {
					t.Errorf("%v changes counted, want %d", got, tc.want)
				}
				r.stop()
			})
		})
	}
}

func TestADirectoryThatCannotBeReadIsSaidOnceAndTheOthersAreWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent")
	present := filepath.Join(dir, "present")
	must(t, os.Mkdir(present, 0o755))
	synctest.Test(t, func(t *testing.T) {
		r := start(t, blind, time.Second, absent, present)
		time.Sleep(time.Hour)
		tree{"a": "1"}.write(t, present)
		time.Sleep(time.Minute)
		if got := r.times(); got != 1 {
			t.Errorf("the app was told %d times, want once", got)
		}
		must(t, os.Mkdir(absent, 0o755))
		time.Sleep(time.Minute)
		r.stop()
		log := r.log.String()
		if strings.Count(log, absent+" does not exist") != 1 || !strings.Contains(log, "msg=recovered") {
			t.Errorf("the log does not say once that it does not exist, and that it does:\n%s", log)
		}
		if got := testutil.ToFloat64(r.metrics.scans.WithLabelValues(failed)); got < 100 {
			t.Errorf("%v scans failed in an hour", got)
		}
	})
}

func TestChangesInARowAreOne(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		every, lasting, want time.Duration
	}{
		"nothing more":        {time.Hour, 0, time.Second},
		"a burst":             {100 * time.Millisecond, 3 * time.Second, 4 * time.Second},
		"changes without end": {100 * time.Millisecond, time.Hour, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &reloader{Options: Options{Debounce: time.Second}, watch: blind(nil)}
				began := time.Now()
				ctx, stop := context.WithCancel(t.Context())
				go func() {
					for ctx.Err() == nil && time.Since(began) < tc.lasting {
						r.watch.count.Add(1)
						time.Sleep(tc.every)
					}
				}()
				r.settle(t.Context())
				if got := time.Since(began); got < tc.want || got > tc.want+time.Second {
					t.Errorf("it settled after %v, want %v or a second more", got, tc.want)
				}
				stop()
				time.Sleep(tc.every)
			})
		})
	}
}

func TestMetricsBeginAtZeroAndFollowTheConventions(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	families, err := registry.Gather()
	if err != nil || len(families) != 4 {
		t.Fatalf("%d families (%v), want 4 from the start", len(families), err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
