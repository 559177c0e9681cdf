// SPDX-License-Identifier: Apache-2.0

// Command gitserver serves the repositories below /srv/git with git's own
// http-backend, to read and to push, at port 8080.
package main

import (
	"log"
	"net/http"
	"net/http/cgi"
	"time"
)

func main() {
	handler := &cgi.Handler{
		Path: "/usr/lib/git-core/git-http-backend",
		Env:  []string{"GIT_PROJECT_ROOT=/srv/git", "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=e2e"},
	}
	server := &http.Server{Addr: ":8080", Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
