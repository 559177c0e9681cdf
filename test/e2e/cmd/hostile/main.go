// SPDX-License-Identifier: Apache-2.0

// Command hostile is a git server at port 8080 with one repository, /site.git, which
// is what it was last told to be: an honest one with one page, or an attack.
//
//	wget -qO- 'http://localhost:8080/be?page=hello'
//	wget -qO- 'http://localhost:8080/be?attack=pack-without-end'
package main

import (
	"log"
	"net/http"
	"time"
)

func main() {
	server := &http.Server{Addr: ":8080", Handler: newServer(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
