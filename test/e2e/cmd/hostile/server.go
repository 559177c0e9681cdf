// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// repository is what one answers to those who ask for it. The branch main and HEAD
// are its commit.
type repository struct {
	commit hash
	// pack is written to whoever wants that commit.
	pack []byte
	// refs and packs, where they are set, answer instead of what the protocol demands.
	refs, packs http.HandlerFunc
}

// server speaks git's smart protocol (gitprotocol-http(5), gitprotocol-pack(5)) as
// far as somebody needs who fetches one commit. It offers no capability, so the pack
// follows upon one line.
type server struct {
	mu  sync.Mutex
	now repository
}

func newServer() http.Handler {
	s := &server{now: honest("nothing yet")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /be", s.be)
	mux.HandleFunc("GET /site.git/info/refs", func(w http.ResponseWriter, r *http.Request) { s.listRefs(w, r, s.current()) })
	mux.HandleFunc("POST /site.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) { s.sendPack(w, r, s.current()) })
	return mux
}

func (s *server) current() repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// be changes what the repository is and answers with its commit.
func (s *server) be(w http.ResponseWriter, r *http.Request) {
	next := honest(r.FormValue("page"))
	if name := r.FormValue("attack"); name != "" {
		attack, known := attacks()[name]
		if !known {
			http.Error(w, fmt.Sprintf("there is no attack %q", name), http.StatusNotFound)
			return
		}
		next = attack()
	}
	s.mu.Lock()
	s.now = next
	s.mu.Unlock()
	fmt.Fprintln(w, next.commit)
}

const (
	refsType = "application/x-git-upload-pack-advertisement"
	packType = "application/x-git-upload-pack-result"
	flush    = "0000"
)

// line frames text as the protocol does.
func line(w io.Writer, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(w, "%04x%s", len(text)+4, text)
}

func (*server) listRefs(w http.ResponseWriter, r *http.Request, repo repository) {
	w.Header().Set("Content-Type", refsType)
	if repo.refs != nil {
		repo.refs(w, r)
		return
	}
	line(w, "# service=git-upload-pack\n")
	fmt.Fprint(w, flush)
	line(w, "%s HEAD\x00 \n", repo.commit)
	line(w, "%s refs/heads/main\n", repo.commit)
	fmt.Fprint(w, flush)
}

func (*server) sendPack(w http.ResponseWriter, r *http.Request, repo repository) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", packType)
	line(w, "NAK\n")
	if repo.packs != nil {
		repo.packs(w, r)
		return
	}
	_, _ = w.Write(repo.pack)
}
