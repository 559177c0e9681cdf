// SPDX-License-Identifier: Apache-2.0

// Command fixed is the floor under any webhook in Go: it reads a review to its end and
// answers with a file.
//
//	fixed CERT-DIR REPLY-DIR
//
// A request for /inject/NAME is answered with REPLY-DIR/NAME.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/pillion-dev/pillion/test/bench/tlsserver"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fixed CERT-DIR REPLY-DIR")
		os.Exit(2)
	}
	mux, err := replies(os.Args[2])
	if err == nil {
		err = tlsserver.Serve(os.Args[1], mux)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// replies serves each file of a directory under its name.
func replies(dir string) (*http.ServeMux, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, f := range files {
		reply, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		mux.HandleFunc("POST /inject/"+f.Name(), func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(reply) // the caller is gone; there is nobody left to tell
		})
	}
	return mux, nil
}
