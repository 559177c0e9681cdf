// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// noon is when most tests happen.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

const noonLine = "2026-11-23T12:00:00Z\n" // 21 bytes, as every line of the tests

// journal is a log that can be read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// lines in the form that is the same in each run.
func (j *journal) lines() []string {
	text := strings.TrimSuffix(j.String(), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, " ") // without the time
	}
	return lines
}

// options for a file in a directory of its own.
func options(t *testing.T) Options {
	t.Helper()
	return Options{
		File: filepath.Join(t.TempDir(), "index.html"), Interval: time.Second, Mode: Append, Format: RFC3339,
		MaxSize: minMaxSize, Log: slog.New(slog.DiscardHandler),
	}
}

// start makes a writer, which is closed when the test ends.
func start(t *testing.T, o Options) *writer {
	t.Helper()
	w := newWriter(o)
	t.Cleanup(w.close)
	return w
}

// puts writes the dates of n seconds, the first being noon plus from.
func (w *writer) puts(t *testing.T, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := w.put(t.Context(), second(i)); err != nil {
			t.Fatalf("date %d: %v", i, err)
		}
	}
}

func second(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) }

// dates is what the file holds after the dates from, …, to-1 were appended.
func dates(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(second(i).Format(time.RFC3339) + "\n")
	}
	return b.String()
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(content), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names of everything in the file's directory.
func (w *writer) names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(w.File))
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
