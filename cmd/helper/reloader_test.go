// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The whole program: it waits for a directory, tells of what comes into it, counts, and
// ends when it is told to.
func TestAConfigReloaderTellsAndEnds(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 100)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		heard <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Pillion-Content")
	}))
	defer app.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	metrics := l.Addr().String()
	l.Close()
	dir := filepath.Join(t.TempDir(), "conf")
	p, end := launch(t, "config-reloader", "--watch="+dir, "--debounce=10ms", "--notify="+app.URL+"/-/reload", "--notify-method=PUT", "--metrics-listen="+metrics)
	read := func() string {
		r, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return ""
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return string(text)
	}
	await := func(want string) {
		t.Helper()
		for begin := time.Now(); !regexp.MustCompile(want).MatchString(read()); time.Sleep(time.Millisecond) {
			if time.Since(begin) > 5*time.Minute {
				t.Fatalf("the metrics never have %q:\n%s", want, read())
			}
		}
	}
	await(`(?m)^pillion_reload_scans_total{result="error"} [1-9]`) // it has looked
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte(fmt.Sprint(i)), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; !regexp.MustCompile(`^PUT /-/reload [0-9a-f]{64}$`).MatchString(got) {
			t.Errorf("the app hears %q", got)
		}
	}
	await(`(?m)^pillion_notify_attempts_total{result="success",via="http"} [2-9]`)
	if text := read(); !strings.Contains(text, "pillion_build_info{") || !strings.Contains(text, `pillion_reload_scans_total{result="changed"}`) {
		t.Errorf("the metrics are\n%s", text)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, stderr := end(); code != 0 || !strings.Contains(stderr, dir+" does not exist") || !strings.Contains(stderr, `"msg":"app notified"`) {
		t.Errorf("exit status %d, want 0; it says %s", code, stderr)
	}
}
