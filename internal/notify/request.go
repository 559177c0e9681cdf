// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pillion-dev/pillion/internal/notify/target"
)

// Bounds of one request.
const (
	attemptTimeout = 30 * time.Second // a reload of a large configuration takes its time
	maxHeaders     = 64 << 10         // bytes of the answer
	maxBody        = 64 << 10         // bytes of the answer that are read
	maxQuoted      = 200              // bytes of the answer that an error repeats
)

// Request tells by an HTTP request without a body.
type Request struct {
	url      *url.URL
	method   string
	expected target.Statuses
	header   string // for the change
	timeout  time.Duration
	client   *http.Client
}

// NewRequest makes a [Request] to a URL of the pod's own loopback: its host is localhost
// or a loopback address, its scheme http. An answer with one of the expected statuses
// ("2xx,304") means that the app has heard. The header of that name holds the change.
func NewRequest(to, method, expected, header string) (*Request, error) {
	u, err := target.ParseURL(to)
	if err != nil && strings.Contains(to, "@") {
		return nil, fmt.Errorf("the URL %w", err) // which may hold a password
	}
	if err != nil {
		return nil, fmt.Errorf("the URL %s %w", quote(to), err)
	}
	if !slices.Contains(target.Methods(), method) {
		return nil, fmt.Errorf("the method %q must be one of %s", method, strings.Join(target.Methods(), ", "))
	}
	statuses, err := target.ParseStatuses(expected)
	if err != nil {
		return nil, fmt.Errorf("the value %s %w", quote(expected), err)
	}
	return &Request{
		url: u, method: method, expected: statuses, header: header, timeout: attemptTimeout,
		client: &http.Client{
			// The zero Proxy means none: what the environment says is for other hosts.
			Transport: &http.Transport{
				DialContext: dialLoopback, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeaders,
			},
			// A redirect may lead out of the pod, and turns POST into GET: the request
			// that follows would not do what the first one asked for.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// dialLoopback connects to the loopback interface without asking anybody where that is:
// a pod can give the name localhost another address (hostAliases).
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host != "localhost" {
		return new(net.Dialer).DialContext(ctx, network, address) // an address: see target.ParseURL
	}
	var refused error
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
		if err == nil {
			return conn, nil
		}
		if refused == nil {
			refused = err
		}
	}
	return nil, refused
}

func (r *Request) String() string { return r.method + " " + r.url.String() }

// Kind is "http".
func (r *Request) Kind() string { return "http" }

// Tell sends the request once. The error says what the app did instead of answering as
// expected.
func (r *Request) Tell(ctx context.Context, change string) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "pillion-helper")
	request.Header.Set(r.header, change)
	response, err := r.client.Do(request)
	if err != nil {
		return r.explain(err)
	}
	defer response.Body.Close()
	if r.expected.Match(response.StatusCode) {
		// So that the app can write its answer to the end. It has heard, whether it does or not.
		_, _ = io.CopyN(io.Discard, response.Body, maxBody)
		return nil
	}
	sentence := fmt.Sprintf("the app answers %s, and %s is expected", printable(response.Status), r.expected)
	if to := response.Header.Get("Location"); to != "" {
		sentence += fmt.Sprintf("; redirects (here to %s) are not followed: name the URL that does the work", quote(to))
	} else if says, _ := io.ReadAll(io.LimitReader(response.Body, maxQuoted+1)); len(strings.TrimSpace(string(says))) > 0 {
		sentence += "; it says " + quote(strings.TrimSpace(string(says)))
	}
	return errors.New(sentence)
}

// explain says why there is no answer.
func (r *Request) explain(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s of the pod's loopback (connection refused)", r.url.Host)
	case errors.Is(err, context.Canceled):
		return errors.New("the helper was stopped before the app answered")
	case os.IsTimeout(err):
		return fmt.Errorf("the app does not answer within %v", r.timeout)
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	return fmt.Errorf("the app does not answer: %s", printable(err.Error()))
}

// quote makes an app's text fit for one line of a log.
func quote(text string) string {
	if len(text) > maxQuoted {
		return strconv.Quote(text[:maxQuoted]) + "…"
	}
	return strconv.Quote(text)
}

// printable is text that a terminal does not interpret.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '�'
		}
		return r
	}, text[:min(len(text), maxQuoted)])
}
