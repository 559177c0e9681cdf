// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// attempt is how long one connection, or one answer, may take: the default of the
// kubelet's probes.
const attempt = time.Second

// connects asks whether somebody listens at the Unix socket, of whatever type.
func connects(path string) func(context.Context, place) error {
	return func(ctx context.Context, _ place) error {
		var err error
		for _, network := range []string{"unix", "unixpacket", "unixgram"} {
			if err = dial(ctx, network, path); !errors.Is(err, syscall.EPROTOTYPE) {
				return err
			}
		}
		return err
	}
}

func accepts(address string) func(context.Context, place) error {
	return func(ctx context.Context, _ place) error { return dial(ctx, "tcp", address) }
}

func dial(ctx context.Context, network, address string) error {
	dialer := net.Dialer{Timeout: attempt, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return short(err)
	}
	return conn.Close()
}

// short is the part of a failure to connect that the condition does not say itself,
// such as "connection refused".
func short(err error) error {
	if errors.Is(err, context.Canceled) {
		return errNoAnswer
	}
	if os.IsTimeout(err) {
		return fmt.Errorf("no answer within %s", attempt)
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	if failure := (*net.OpError)(nil); errors.As(err, &failure) {
		return failure.Err
	}
	return err
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
		return fmt.Errorf("%q must be a host, a colon and a port between 1 and 65535, such as 127.0.0.1:5432", address)
	}
	return nil
}

// answers makes the check of "host:port/path". As for a probe of the kubelet
// (k8s.io/kubernetes/pkg/probe/http), 200 to 399 is good, redirects are followed only
// on the same host, and no proxy is used.
func answers(what string) (func(context.Context, place) error, error) {
	address, _, _ := strings.Cut(what, "/")
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	target, err := url.Parse("http://" + what)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Timeout:   attempt,
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Hostname() != target.Hostname() || len(via) >= 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return func(ctx context.Context, _ place) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
		if err != nil {
			return err
		}
		request.Header.Set("User-Agent", "pillion-helper")
		response, err := client.Do(request)
		if err != nil {
			return short(err)
		}
		response.Body.Close()
		if response.StatusCode < 200 || response.StatusCode > 399 {
			return fmt.Errorf("answers %s", response.Status)
		}
		return nil
	}, nil
}
