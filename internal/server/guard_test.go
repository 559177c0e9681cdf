// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestBodyCap(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	read := make(chan error, 16) // what the handler's reads ended with
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}, func(_ *running, o *Options) { o.MaxBody = most })
	addr := r.untilReady(t)
	// Not parallel below this line: the subtests share the channel.

	t.Run("a body at the cap is read whole", func(t *testing.T) {
		if resp, _ := r.post(t, r.client(t), strings.Repeat("x", most)); resp.StatusCode != http.StatusOK {
			t.Errorf("status %d, want 200", resp.StatusCode)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	})

	t.Run("a declared length above the cap is rejected before the handler and before the body", func(t *testing.T) {
		conn, err := r.dial(t)
		if err != nil {
			t.Fatal(err)
		}
		status, text := exchange(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n")
		if want := "the request body is 1048577 bytes, the maximum is 1048576\n"; status != http.StatusRequestEntityTooLarge || text != want {
			t.Errorf("answer %d %q, want 413 %q", status, text, want)
		}
		wantClosed(t, conn)
		select {
		case err := <-read:
			t.Errorf("the handler was called, its read ended with %v", err)
		default:
		}
	})

	t.Run("a client that waits for 100-continue is rejected without sending the body", func(t *testing.T) {
		conn, err := r.dial(t)
		if err != nil {
			t.Fatal(err)
		}
		status, _ := exchange(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
		if status != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d, want 413", status)
		}
	})

	t.Run("a chunked body is cut at the cap and its connection closed", func(t *testing.T) {
		request, err := http.NewRequest(http.MethodPost, "https://"+addr, io.MultiReader(strings.NewReader(strings.Repeat("x", most+1))))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.client(t).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body(t, resp)
		var tooLarge *http.MaxBytesError
		if err := <-read; !errors.As(err, &tooLarge) || tooLarge.Limit != most {
			t.Errorf("the handler's read ended with %v, want a MaxBytesError of 1 MiB", err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
			t.Errorf("status %d, close %v, want the handler's 413 and a closed connection", resp.StatusCode, resp.Close)
		}
	})
}

func TestPanic(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"

	t.Run("a panic is a 500, is counted, and the server lives", func(t *testing.T) {
		t.Parallel()
		first := true
		r := start(t, func(w http.ResponseWriter, req *http.Request) {
			if first {
				first = false
				panic("cannot parse " + secret)
			}
			echo(w, req)
		})
		resp, text := r.post(t, r.client(t), "")
		if resp.StatusCode != http.StatusInternalServerError || strings.Contains(text, secret) {
			t.Errorf("answer %d %q, want 500 without the value", resp.StatusCode, text)
		}
		if _, text := r.post(t, r.client(t), "hello"); text != "hello" {
			t.Errorf("the next answer is %q, want hello", text)
		}
		if got := sample(t, r.metrics, "pillion_handler_panics_total"); got != 1 {
			t.Errorf("%v panics counted, want 1", got)
		}
		if log := r.log.String(); !strings.Contains(log, "guard_test.go") || strings.Contains(log, secret) {
			t.Errorf("want the stack without the value, log:\n%s", log)
		}
	})

	t.Run("a runtime error is named in the log", func(t *testing.T) {
		t.Parallel()
		r := start(t, func(_ http.ResponseWriter, req *http.Request) { _ = []int{}[len(req.URL.Path)] })
		r.post(t, r.client(t), "")
		if !strings.Contains(r.log.String(), "index out of range") {
			t.Errorf("log:\n%s", r.log)
		}
	})

	t.Run("a panic in mid-answer cuts the answer", func(t *testing.T) {
		t.Parallel()
		r := start(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("oops")
		})
		resp, err := r.client(t).Get("https://" + r.untilReady(t))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("the client took %q for a whole answer", b)
		}
	})
}
