// SPDX-License-Identifier: Apache-2.0

// Command gitserver serves the repositories below /srv/git with git's own
// http-backend, to read and to push: at port 8080, or with a certificate at 8443. It
// logs each request.
package main

import (
	"crypto/subtle"
	"flag"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"time"
)

func main() {
	tlsDir := flag.String("tls-dir", "", "serve https at port 8443, with tls.crt and tls.key of this `directory`")
	authDir := flag.String("auth-dir", "", "serve only those who know username and password of this `directory`")
	flag.Parse()
	var handler http.Handler = &cgi.Handler{
		Path: "/usr/lib/git-core/git-http-backend",
		Env:  []string{"GIT_PROJECT_ROOT=/srv/git", "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=e2e"},
	}
	if *authDir != "" {
		handler = members(*authDir, handler)
	}
	server := &http.Server{Addr: ":8080", Handler: logged(handler), ReadHeaderTimeout: 10 * time.Second}
	if *tlsDir == "" {
		log.Fatal(server.ListenAndServe())
	}
	server.Addr = ":8443"
	log.Fatal(server.ListenAndServeTLS(filepath.Join(*tlsDir, "tls.crt"), filepath.Join(*tlsDir, "tls.key")))
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Print(r.Method, " ", r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

// members refuses strangers as the worst of servers do: by repeating all that they said.
func members(dir string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		username, password, _ := r.BasicAuth()
		if is(dir, "username", username) && is(dir, "password", password) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "unknown: "+username+" with "+password+" from "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	})
}

func is(dir, key, said string) bool {
	known, err := os.ReadFile(filepath.Join(dir, key))
	return err == nil && subtle.ConstantTimeCompare(known, []byte(said)) == 1
}
