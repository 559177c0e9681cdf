// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A server is an HTTP server of 127.0.0.1 that can be stopped and started again at its port.
type server struct {
	handler http.Handler
	address string
	http    *http.Server
}

// listen uses a port, or any other if it is taken and need not be that one.
func (s *server) listen(ctx context.Context, port string, fixed bool) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+port)
	if err != nil && !fixed {
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	s.address = l.Addr().String()
	s.run(l)
	return nil
}

func (s *server) run(l net.Listener) {
	s.http = &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute}
	go func(server *http.Server) { _ = server.Serve(l) }(s.http) // ends with stop
}

// start starts it again where it was.
func (s *server) start(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	s.run(l)
	return nil
}

// stop breaks all connections.
func (s *server) stop() error { return s.http.Close() }

// A gitServer serves the repositories of a directory with git's own http-backend, to read and
// to push.
type gitServer struct{ server }

func startGit(ctx context.Context, root string, fixed bool) (*gitServer, error) {
	out, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("git is needed, and cannot be run: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return nil, fmt.Errorf("git on this machine has no http-backend, which the demo's git server is: %w", err)
	}
	g := &gitServer{server{handler: &cgi.Handler{
		Path: backend, Stderr: io.Discard,
		Env: append(gitEnv(root), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=demo"),
	}}}
	return g, g.listen(ctx, "9418", fixed)
}

func (g *gitServer) url() string { return "http://" + g.address + "/site.git" }

// gitEnv keeps git from reading anything of whoever runs this, and makes the same commits, with
// the same hashes, each time.
func gitEnv(home string) []string {
	env := []string{"HOME=" + home, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=Ada", "GIT_"+who+"_EMAIL=ada@acme.example", "GIT_"+who+"_DATE=2026-01-01T12:00:00Z")
	}
	return env
}

// An app stands for nginx: it serves the directory that nginx would see, and takes the request
// that tells of a new commit.
type app struct {
	server
	mu      sync.Mutex
	dir     string
	commits []string
}

func startApp(ctx context.Context, fixed bool) (*app, error) {
	a := &app{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		http.FileServer(http.Dir(a.dir)).ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /-/reload", func(_ http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.commits = append(a.commits, r.Header.Get("Pillion-Commit"))
	})
	a.handler = mux
	return a, a.listen(ctx, "8480", fixed)
}

func (a *app) serve(dir string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dir = dir
}

func (a *app) url() string { return "http://" + a.address + "/" }

// notifyURL names the host as the option notify wants it.
func (a *app) notifyURL() string {
	_, port, _ := net.SplitHostPort(a.address)
	return "http://localhost:" + port + "/-/reload"
}

// heard is nil if the latest commit that the app was told of is this one.
func (a *app) heard(commit string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.commits) == 0 {
		return errors.New("it was told of none")
	}
	if last := a.commits[len(a.commits)-1]; last != commit {
		return fmt.Errorf("it was told of %s last", last)
	}
	return nil
}

// page gets the page, prints it and compares it.
func (d *demo) page(ctx context.Context, want string) error {
	d.out.line(bold, "GET "+d.app.url())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.app.url(), http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	d.out.line(cyan, strings.TrimSpace(string(body)))
	if res.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("the page is %s with %q, not 200 with %q", res.Status, body, want)
	}
	return nil
}
