// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// childVariable makes the test binary fetch once and say how much memory that took, in
// the way that git-poller runs a fetch: in a process of its own. Its value is the
// process's RLIMIT_DATA in bytes, 0 for none.
const childVariable = "GITFETCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if limit := os.Getenv(childVariable); limit != "" {
		child(limit)
		return
	}
	os.Exit(m.Run())
}

// childAnswer is what the child prints.
type childAnswer struct {
	Result Result
	Error  *Error
	Peak   int64 // resident memory, in KiB
}

func child(limit string) {
	var r Request
	data, err := strconv.ParseUint(limit, 10, 64)
	if err == nil && data > 0 {
		err = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: data, Max: data})
	}
	if err == nil {
		err = json.NewDecoder(os.Stdin).Decode(&r)
	}
	if err != nil {
		panic(err)
	}
	var a childAnswer
	a.Result, err = Fetch(context.Background(), r)
	a.Error, _ = errors.AsType[*Error](err)
	status, _ := os.ReadFile("/proc/self/status")
	if m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); m != nil {
		a.Peak, _ = strconv.ParseInt(string(m[1]), 10, 64)
	}
	_ = json.NewEncoder(os.Stdout).Encode(a)
}

// fetchInChild fetches in a process of its own, with an environment that holds nothing
// but env.
func fetchInChild(t testing.TB, r Request, limit int64, env ...string) (childAnswer, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append([]string{childVariable + "=" + strconv.FormatInt(limit, 10)}, env...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	var a childAnswer
	if err == nil {
		err = json.Unmarshal(output, &a)
	} else {
		err = fmt.Errorf("%w: %s", err, stderr.Bytes()[:min(stderr.Len(), 300)])
	}
	return a, err
}

// randomRepo makes a repository of incompressible blobs of a size and of many small
// text files.
func randomRepo(t testing.TB, blobs int, blobSize int64, texts int) repo {
	t.Helper()
	r := newRepo(t, "")
	var input bytes.Buffer
	random := rand.NewChaCha8([32]byte{})
	input.WriteString("commit refs/heads/main\ncommitter C <c@acme.example> 1700000000 +0000\ndata 1\nx\n")
	for i := range blobs {
		data := make([]byte, blobSize)
		_, _ = random.Read(data)
		fmt.Fprintf(&input, "M 100644 inline blobs/%d.bin\ndata %d\n", i, blobSize)
		input.Write(data)
		input.WriteString("\n")
	}
	for i := range texts {
		text := fmt.Sprintf("%d\n%s", i, bytes.Repeat([]byte("the quick brown fox\n"), 50+i%50))
		fmt.Fprintf(&input, "M 100644 inline texts/%d/%d.txt\ndata %d\n%s\n", i%100, i, len(text), text)
	}
	r.git(input.String(), "fast-import", "--quiet", "--date-format=raw")
	r.git("", "repack", "-adq", "--window-memory=100m")
	return r
}

// Bases of deltas are unpacked again and again, into the same memory.
func TestDeltasLeaveNothingToCollect(t *testing.T) { //nolint:paralleltest // it measures what all of the process allocates
	const size, count = 1 << 20, 100
	const allowed = count * size * 3 / 4 // the race detector empties pools by chance, and a new buffer for each content would be more than all
	random := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	var b packBuilder
	content, hash := string(random), b.blob(string(random))
	var items []item
	for i := range count { // each is the one before it with another first byte
		first := string(rune('A' + i%50))
		b.refDelta(hash, delta(size, size, "\x01"+first, copyOp(1, 1<<19), copyOp(1<<19+1, 1<<19-1)))
		content = first + content[1:]
		hash = plumbing.ComputeHash(plumbing.BlobObject, []byte(content))
		items = append(items, item{"100644", fmt.Sprintf("%03d", i), hash})
	}
	commit := b.commit(b.tree(items...))
	data := b.bytes()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, _, err := checkoutOf(t, data, commit, budget{512 << 20, 1000})
	runtime.ReadMemStats(&after)
	if err != nil || got.Files != count {
		t.Errorf("got %+v (%v), want %d files", got, err, count)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > allowed {
		t.Errorf("it allocated %d bytes for %d contents of %d, want at most %d", used, count, size, allowed)
	}
}

// What a pod has: no home, no user name, no search path, no temporary directory.
func TestNoEnvironmentIsNeeded(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	hash := r.commit("refs/heads/main", files{"a": "a"})
	s := newSSHServer(t)
	for name, request := range map[string]Request{
		"over http": {Repo: serveRepo(t, r)},
		"over ssh":  s.request(t, r.dir, s.line(ssh.KeyAlgoED25519)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fetchInChild(t, ask(t, request), 0, "TMPDIR=/nonexistent")
			if err != nil || got.Result.Commit != hash {
				t.Errorf("got %+v (%v), want commit %s", got, err, hash)
			}
		})
	}
}

// BenchmarkFetch reports the peak of resident memory of a process that fetches.
//
//	go test -bench Fetch -benchtime 1x ./internal/gitfetch
func BenchmarkFetch(b *testing.B) {
	repos := []struct {
		name     string
		blobs    int
		blobSize int64
		texts    int
	}{
		{"1 MB", 10, 90 << 10, 200},
		{"50 MB", 25, 2 << 20, 5_000},
		{"300 MB", 100, 3 << 20, 20_000},
		{"300 MB in two files", 2, 150 << 20, 100},
	}
	for _, r := range repos {
		b.Run(r.name, func(b *testing.B) {
			url := serveRepo(b, randomRepo(b, r.blobs, r.blobSize, r.texts))
			for _, env := range []string{"", "GOMEMLIMIT=160MiB", "GOMEMLIMIT=64MiB", "GOMEMLIMIT=32MiB", "GOGC=25"} {
				b.Run(env, func(b *testing.B) {
					for b.Loop() {
						a, err := fetchInChild(b, ask(b, Request{Repo: url, MaxBytes: 1 << 30, MaxFiles: 100_000}), 0, env)
						if err != nil || a.Error != nil {
							b.Fatal(err, a.Error)
						}
						b.ReportMetric(float64(a.Peak)/1024, "MiB-peak")
						b.ReportMetric(float64(a.Result.Bytes)/1e6, "MB")
					}
				})
			}
		})
	}
}
