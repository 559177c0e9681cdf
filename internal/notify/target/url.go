// SPDX-License-Identifier: Apache-2.0

package target

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const maxURL = 2048 // bytes

// Methods are what a request can be sent with, the usual one first.
func Methods() []string { return []string{"POST", "PUT", "PATCH", "GET", "HEAD", "DELETE"} }

// ParseURL reads a URL that does not leave the pod: its host is localhost or a loopback
// address, its scheme http.
func ParseURL(text string) (*url.URL, error) {
	const right = "; write it like http://localhost:9090/-/reload"
	if len(text) > maxURL {
		return nil, fmt.Errorf("is %d bytes long, and at most %d are considered", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return nil, errors.New("is no URL" + right)
	case u.User != nil:
		return nil, errors.New("must not contain credentials" + right)
	case u.Scheme != "http":
		return nil, errors.New("must begin with http://, since the request does not leave the pod" + right)
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("must not have a fragment, which would not be sent" + right)
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		u.Host = strings.ToLower(u.Host)
	} else if address, err := netip.ParseAddr(u.Hostname()); err != nil || !address.IsLoopback() || address.Zone() != "" {
		return nil, fmt.Errorf("has the host %q, and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod%s", u.Hostname(), right)
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); (err != nil || n == 0) && u.Host != hostOnly(u) {
		return nil, fmt.Errorf("has the port %q; a port is a number from 1 to 65535%s", u.Port(), right)
	}
	return u, nil
}

// hostOnly is a URL's host as it is written without a port.
func hostOnly(u *url.URL) string {
	if strings.Contains(u.Hostname(), ":") {
		return "[" + u.Hostname() + "]"
	}
	return u.Hostname()
}
