// SPDX-License-Identifier: Apache-2.0

// Package dashboard serves one page about the pods of a cluster to the browser of the person who
// started it. What is on the page it asks its [Source]; it knows no cluster.
//
// The page has its user's rights, so other users of the machine and other pages of the browser
// get nothing: the files of the page hold no data, and all else wants a token that is known to
// whoever read the address in the terminal. See docs/design/0034-dashboard.md.
package dashboard

import (
	"bytes"
	"context"
	"crypto/subtle"
	"embed"
	"errors"
	"html/template"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Source says what there is to see.
type Source interface {
	// View is how the cluster stands.
	View(ctx context.Context) *View
	// Judge says what the pods of a manifest would get in a namespace.
	Judge(ctx context.Context, namespace, manifest string) *Verdict
}

//go:embed page
var files embed.FS

// sections are the parts of the page that the server writes.
var sections = template.Must(template.New("").ParseFS(files, "page/*.tmpl"))

// Bounds of what a caller may send, and of how long one takes.
const (
	mostManifest = 1 << 20
	mostHeader   = 16 << 10
	callTimeout  = time.Minute
)

// Server serves the page. It ends with its listeners.
func Server(source Source, token string) *http.Server {
	return &http.Server{
		Handler:           Handler(source, token),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * callTimeout,
		IdleTimeout:       callTimeout,
		MaxHeaderBytes:    mostHeader,
	}
}

// Handler serves the page and what is on it.
func Handler(source Source, token string) http.Handler {
	h := &handler{source, token, make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", asset("index.html", "text/html; charset=utf-8"))
	mux.Handle("GET /dashboard.js", asset("dashboard.js", "text/javascript; charset=utf-8"))
	mux.Handle("GET /dashboard.css", asset("dashboard.css", "text/css; charset=utf-8"))
	mux.Handle("GET /icon.svg", asset("icon.svg", "image/svg+xml"))
	mux.Handle("GET /view", h.guarded(h.view))
	mux.Handle("POST /judge", h.guarded(h.judge))
	return fenced(mux)
}

// fenced lets nobody in who was led here by another name, as DNS rebinding does, and tells the
// browser that nothing but this server's own files belongs to the page.
func fenced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !loopback(r.Host) {
			http.Error(w, "the dashboard answers to 127.0.0.1, [::1] and localhost alone", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback tells whether a Host header names this machine. Any port is good: a tunnel may have
// another at its other end.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return name == "127.0.0.1" || name == "::1" || name == "localhost"
}

func asset(name, contentType string) http.Handler {
	data, err := files.ReadFile("page/" + name)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil { // of a file that was not built in, which a test would see
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(data) // whom it does not reach has gone
	})
}

type handler struct {
	source  Source
	token   string
	judging chan struct{} // holds one place
}

// guarded asks for the token, and for a request of the page itself where the browser says whose
// it is.
func (h *handler) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		if site != "" && site != "same-origin" && site != "none" || origin != "" && origin != "http://"+r.Host {
			http.Error(w, "the dashboard answers its own page alone", http.StatusForbidden)
			return
		}
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(given), []byte(h.token)) != 1 {
			http.Error(w, "the token is missing or wrong: open the address that kubectl pillion dashboard printed", http.StatusUnauthorized)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		next(w, r.WithContext(ctx))
	})
}

func (h *handler) view(w http.ResponseWriter, r *http.Request) {
	render(w, "view.tmpl", h.source.View(r.Context()))
}

// judge judges one manifest at a time: a page that types on has given up the one before.
func (h *handler) judge(w http.ResponseWriter, r *http.Request) {
	manifest, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostManifest))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		render(w, "verdict.tmpl", &Verdict{Error: "the manifest is larger than 1 MiB"})
		return
	}
	if err != nil {
		http.Error(w, "reading the manifest: "+err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case h.judging <- struct{}{}:
		defer func() { <-h.judging }()
	case <-r.Context().Done():
		return
	}
	render(w, "verdict.tmpl", h.source.Judge(r.Context(), r.URL.Query().Get("namespace"), string(manifest)))
}

// render writes a section whole or not at all.
func render(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := sections.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // whom it does not reach has gone
}
