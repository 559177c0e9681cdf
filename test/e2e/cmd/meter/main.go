// SPDX-License-Identifier: Apache-2.0

// Command meter measures the memory of the git-poller of its pod and serves what it
// knows at port 9100, as JSON. The pod has to share its process namespace, and meter
// to have the helper's user ID.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"sync"
	"time"
)

// every is the time between two samples. A process that lives shorter is not seen.
const every = 5 * time.Millisecond

func main() {
	var mu sync.Mutex
	var usage Usage
	go func() {
		for range time.Tick(every) {
			mu.Lock()
			usage.sample("/proc")
			mu.Unlock()
		}
	}()
	server := &http.Server{Addr: ":9100", ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(usage)
	})}
	log.Fatal(server.ListenAndServe())
}
