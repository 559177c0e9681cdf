// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/gitpoller"
)

// programDir is where program is; TestMain makes and removes it.
var programDir string

// program is this command, built as the image holds it: git-poller starts itself again,
// and a program of the race detector does not live within the memory of a child.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "helper")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// launch starts the program. The function that it returns waits for its end.
func launch(t *testing.T, args ...string) (p *os.Process, end func() (exit int, stderr string)) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env, cmd.Stderr = []string{}, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process, func() (int, string) {
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode(), stderr.String()
	}
}

// A helper that does not hear SIGTERM holds up the deletion of its pod for half a
// minute; one that ends with 143 looks like a failure in lists of pods.
func TestAPollerEndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hangs bool // the git server, in the middle of its answer
		once  bool
		want  int
	}{
		"git-poller in the middle of a fetch": {hangs: true, want: 0},
		"git-poller between two polls":        {want: 0},
		// The app would be started as if there were content.
		"git-poller once, which has nothing yet": {hangs: true, once: true, want: exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{}, 100)
			done := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !tc.hangs {
					w.WriteHeader(http.StatusBadGateway)
					asked <- struct{}{}
					return
				}
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				_, _ = io.WriteString(w, "001e# service=git-upload-pack\n")
				_ = http.NewResponseController(w).Flush()
				asked <- struct{}{}
				select {
				case <-r.Context().Done():
				case <-done:
				}
			}))
			defer server.Close()
			defer close(done)
			p, end := launch(t, "git-poller", "--root="+t.TempDir(), "--repo="+server.URL+"/a.git", "--once="+strconv.FormatBool(tc.once))
			<-asked
			told := time.Now()
			if err := p.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			code, stderr := end()
			t.Logf("it ended %v after it was told", time.Since(told))
			if code != tc.want {
				t.Errorf("exit status %d, want %d; it says %s", code, tc.want, stderr)
			}
		})
	}
}

func TestTheDateWriterEndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.html")
	p, end := launch(t, "date-writer", "--file="+file, "--interval=1h")
	for {
		if text, _ := os.ReadFile(file); len(text) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, stderr := end(); code != 0 {
		t.Errorf("exit status %d, want 0; it says %s", code, stderr)
	}
}

// The log has a sentence for an operator, and the poller lives.
func TestAPollThatNeedsTooMuchMemoryIsAnError(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	// A poll reads its file of authorities whole, and this one is larger than the minimum of memory.
	authorities := filepath.Join(t.TempDir(), "ca.crt")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw}), bytes.Repeat([]byte("\n"), 16<<20)...)
	if err := os.WriteFile(authorities, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for memory, want := range map[int64]string{
		3 << 20:   "fetching needs more memory than the 3 MiB that are there for it",
		256 << 20: "the server knows no such repository",
	} {
		_, err := gitpoller.Child(path, memory)(ctx, gitfetch.Request{
			Repo: server.URL + "/a.git", Ref: "main", Depth: 1, MaxBytes: 1 << 20, MaxFiles: 10, Dir: t.TempDir(), CAFile: authorities,
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %d bytes of memory: %v, want %q", memory, err, want)
		}
	}
}
