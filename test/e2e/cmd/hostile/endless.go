// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// never is a commit that nobody gets.
func never() repository { return honest("never") }

// packWithoutEnd sends one incompressible object after the other for as long as
// somebody listens.
func packWithoutEnd() repository {
	repo := never()
	repo.packs = func(w http.ResponseWriter, _ *http.Request) {
		content := make([]byte, mib)
		_, _ = rand.NewChaCha8([32]byte{}).Read(content)
		object := append(objectHeader(blobObject, mib), deflate(content)...)
		_, err := w.Write(packHead(500_000))
		for err == nil {
			_, err = w.Write(object)
		}
	}
	return repo
}

// refsWithoutEnd has another branch for as long as somebody listens.
func refsWithoutEnd() repository {
	repo := never()
	repo.refs = func(w http.ResponseWriter, r *http.Request) {
		line(w, "# service=git-upload-pack\n")
		fmt.Fprint(w, flush)
		for i := 0; r.Context().Err() == nil; i++ {
			line(w, "%s refs/heads/branch-%d\n", repo.commit, i)
		}
	}
	return repo
}

// drips begins a pack and goes on by a byte at a time, so that the connection is
// never idle for long.
func drips() repository {
	repo := never()
	repo.packs = func(w http.ResponseWriter, r *http.Request) {
		const size = 1<<16 - 1 // the most that one block of zlib's stored ones holds
		begin := append(packHead(1), objectHeader(blobObject, size)...)
		begin = append(begin, 0x78, 0x01, 0x00, 0xff, 0xff, 0x00, 0x00) // zlib's head and the block's
		_, err := w.Write(begin)
		for err == nil {
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
			_, err = w.Write([]byte{0})
		}
	}
	return repo
}

// redirect sends everybody to where metadata of clouds is served.
func redirect() repository {
	repo := never()
	repo.refs = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/site.git/info/refs?service=git-upload-pack", http.StatusMovedPermanently)
	}
	return repo
}

// rude answers with words that a terminal would obey and a reader of logs believe.
func rude() repository {
	repo := never()
	repo.refs = func(w http.ResponseWriter, _ *http.Request) {
		line(w, "ERR \x1b[2J\n{\"level\":\"INFO\",\"msg\":\"published\"}")
	}
	return repo
}
