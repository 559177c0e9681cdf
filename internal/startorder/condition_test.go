// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatIsNoConditionIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        `the condition "": it must begin with mqueue, sysv-msg, sysv-sem, sysv-shm, shm, file, socket, fifo, tcp, http, started or exited, and a colon`,
		"queue:/q":                `the condition "queue:/q": it must begin with mqueue, sysv-msg, sysv-sem, sysv-shm, shm, file, socket, fifo, tcp, http, started or exited, and a colon`,
		"mqueue:q":                `the condition "mqueue:q": the name "q" of the queue must be a slash and 1 to 255 characters without a slash, such as /jobs`,
		"shm:/a/b":                `the condition "shm:/a/b": the name "/a/b" of the shared memory must be a slash and 1 to 255 characters without a slash, such as /jobs`,
		"sysv-sem:7":              `the condition "sysv-sem:7": the key "7" must be a number between 0x00000001 and 0xffffffff, or ftok(PATH,ID)`,
		"file:x":                  `the condition "file:x": the path "x" must begin with a slash`,
		"socket:":                 `the condition "socket:": the path "" must begin with a slash`,
		"tcp:localhost":           `the condition "tcp:localhost": "localhost" must be a host, a colon and a port between 1 and 65535, such as 127.0.0.1:5432`,
		"tcp::80":                 `the condition "tcp::80": ":80" must be a host, a colon and a port between 1 and 65535, such as 127.0.0.1:5432`,
		"tcp:localhost:0":         `the condition "tcp:localhost:0": "localhost:0" must be a host, a colon and a port between 1 and 65535, such as 127.0.0.1:5432`,
		"http:localhost/ready":    `the condition "http:localhost/ready": "localhost" must be a host, a colon and a port between 1 and 65535, such as 127.0.0.1:5432`,
		"started:../etc/passwd":   `the condition "started:../etc/passwd": "../etc/passwd" must be the name of a container: small letters, digits and dashes`,
		"exited:":                 `the condition "exited:": "" must be the name of a container: small letters, digits and dashes`,
		"sysv-msg:ftok(/a,0)":     `the condition "sysv-msg:ftok(/a,0)": the id of the key "ftok(/a,0)" must be a number between 1 and 255, not "0"`,
		"http:localhost:80/%zz/x": `the condition "http:localhost:80/%zz/x": parse "http://localhost:80/%zz/x": invalid URL escape "%zz"`,
	} {
		if _, err := ParseCondition(text); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// must is a condition's check.
func must(t *testing.T, text string) func() error {
	t.Helper()
	c, err := ParseCondition(text)
	if err != nil {
		t.Fatal(err)
	}
	if c.String() != text {
		t.Errorf("%q came out as %q", text, c)
	}
	return func() error { return c.check(context.Background(), place{}) }
}

// sees fails unless the condition does not hold for the reason why; "" means that it
// holds.
func sees(t *testing.T, check func() error, why string) {
	t.Helper()
	got := ""
	if err := check(); err != nil {
		got = err.Error()
	}
	if got != why {
		t.Errorf("seen is %q, want %q", got, why)
	}
}

func TestConditionsAboutFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	file, fifo := must(t, "file:"+path), must(t, "fifo:"+path)
	sees(t, file, "does not exist")
	sees(t, fifo, "does not exist")
	if err := os.Symlink("nowhere", path); err != nil {
		t.Fatal(err)
	}
	sees(t, file, "does not exist") // for an app that opens it
	_ = os.Remove(path)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sees(t, file, "")
	sees(t, fifo, "is no named pipe")
	_ = os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	sees(t, file, "")
	sees(t, fifo, "")
	sees(t, must(t, "file:"+path+"/y"), "stat "+path+"/y: not a directory")
}

func TestASocketMustBeListenedAt(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "unixpacket", "unixgram"} {
		dir, err := os.MkdirTemp("", "pillion-") // the path of a socket is short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path := filepath.Join(dir, "s")
		check := must(t, "socket:"+path)
		sees(t, check, "no such file or directory")
		var closeSocket func() error
		address := &net.UnixAddr{Name: path, Net: network}
		if network == "unixgram" {
			conn, err := net.ListenUnixgram(network, address)
			if err != nil {
				t.Fatal(err)
			}
			closeSocket = conn.Close
		} else {
			listener, err := net.ListenUnix(network, address)
			if err != nil {
				t.Fatal(err)
			}
			listener.SetUnlinkOnClose(false)
			closeSocket = listener.Close
		}
		sees(t, check, "")
		_ = closeSocket()
		sees(t, check, "connection refused")
		if os.Getuid() != 0 {
			_ = os.Chmod(path, 0o500)
			sees(t, check, "permission denied")
		}
	}
}

func TestAPortMustAccept(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	check := must(t, "tcp:"+listener.Addr().String())
	sees(t, check, "")
	listener.Close()
	sees(t, check, "connection refused")
}

func TestAnAnswerMustBeGoodForAProbe(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	never := make(chan struct{})
	defer close(never)
	address := strings.TrimPrefix(server.URL, "http://")
	say := func(path string, status int, location string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
		})
	}
	say("/good", 204, "")
	say("/bad", 503, "")
	say("/here", 302, "/bad")
	say("/there", 307, "http://elsewhere.invalid/")
	say("/round", 302, "/round")
	say("/none", 304, "")
	say("/client", 400, "")
	mux.HandleFunc("/slow", func(http.ResponseWriter, *http.Request) { <-never })
	mux.HandleFunc("/rough", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for path, want := range map[string]string{
		"/good":   "",
		"/none":   "",
		"/there":  "", // as for the kubelet, which says no more than a warning
		"/round":  "", // after ten of them
		"/here":   "answers 503 Service Unavailable",
		"/bad":    "answers 503 Service Unavailable",
		"/client": "answers 400 Bad Request",
		"/slow":   "no answer within 1s",
		"/rough":  `Get "http://` + address + `/rough": EOF`,
		"":        "answers 404 Not Found",
	} {
		sees(t, must(t, "http:"+address+path), want)
	}
}

func TestNoPartOfAnAttemptOutlivesTheWait(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := ParseCondition("tcp:127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	sees(t, func() error { return c.check(ctx, place{}) }, "no answer yet")
}
