// SPDX-License-Identifier: Apache-2.0

package poller

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serverVariable makes the test binary a git server of the repositories in a directory,
// in a process of its own, so that its processor time is nobody else's.
const serverVariable = "POLLER_MEASURE_SERVER"

func TestMain(m *testing.M) {
	if root := os.Getenv(serverVariable); root != "" {
		serve(root)
		return
	}
	os.Exit(m.Run())
}

// stats are what the server has counted since it started.
type stats struct {
	Bytes       int64 // on the wire, TLS and all, both ways
	Connections int64
	Requests    int64
	CPU         time.Duration // of its process and of git's
}

func (s stats) since(before stats) stats {
	return stats{s.Bytes - before.Bytes, s.Connections - before.Connections, s.Requests - before.Requests, s.CPU - before.CPU}
}

type wire struct {
	net.Listener
	bytes, connections atomic.Int64
}

func (w *wire) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err == nil {
		w.connections.Add(1)
	}
	return counting{conn, &w.bytes}, err
}

type counting struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

func (c counting) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

// serve prints its URL and the address of its counters, and serves until its standard
// input ends.
func serve(root string) {
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		panic(err)
	}
	git := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  append(gitEnv(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
	}
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		git.ServeHTTP(w, r)
	}))
	counted := &wire{Listener: server.Listener}
	server.Listener = counted
	server.StartTLS()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(root, "ca.crt"), ca, 0o644); err != nil {
		panic(err)
	}
	counters := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(stats{counted.bytes.Load(), counted.connections.Load(), requests.Load(), ownCPU()})
	}))
	_, _ = io.WriteString(os.Stdout, server.URL+" "+counters.URL+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func ownCPU() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return sum
}

// server is a running git server.
type server struct {
	url, counters, ca string
}

func startServer(t *testing.T, root string) server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env, cmd.Stderr = append(os.Environ(), serverVariable+"="+root), os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, counters, _ := strings.Cut(strings.TrimSpace(line), " ")
	return server{url, counters, filepath.Join(root, "ca.crt")}
}

func (s server) stats(t *testing.T) (now stats) {
	t.Helper()
	response, err := http.Get(s.counters)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&now); err != nil {
		t.Fatal(err)
	}
	return now
}
