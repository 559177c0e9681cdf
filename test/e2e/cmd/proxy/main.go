// SPDX-License-Identifier: Apache-2.0

// Command proxy is an HTTP proxy over TLS, at port 3128: it connects whoever knows username and
// password of a directory to where the request says, and logs where that was.
package main

import (
	"crypto/subtle"
	"encoding/base64"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dir := flag.String("dir", "", "the `directory` with tls.crt, tls.key, username and password")
	flag.Parse()
	server := &http.Server{
		Addr: ":3128", ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !known(*dir, r.Header.Get("Proxy-Authorization")):
				log.Print("refused ", r.Method, " ", r.Host)
				w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
				w.WriteHeader(http.StatusProxyAuthRequired)
			case r.Method != http.MethodConnect:
				w.WriteHeader(http.StatusMethodNotAllowed)
			default:
				log.Print("connects ", r.Host)
				connect(w, r)
			}
		}),
	}
	log.Fatal(server.ListenAndServeTLS(filepath.Join(*dir, "tls.crt"), filepath.Join(*dir, "tls.key")))
}

func known(dir, said string) bool {
	username, err := os.ReadFile(filepath.Join(dir, "username"))
	if err != nil {
		return false
	}
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return false
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(string(username)+":"+string(password)))
	return subtle.ConstantTimeCompare([]byte(want), []byte(said)) == 1
}

func connect(w http.ResponseWriter, r *http.Request) {
	there, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		log.Print(err)
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, read, err := http.NewResponseController(w).Hijack()
	if err != nil {
		log.Print(err)
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, read)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
}
