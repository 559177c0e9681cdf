// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// later adds how long the server asks to be left alone (RFC 9110, section 10.2.3).
func (f *failure) later(response *http.Response) *failure {
	wait := retryAfter(response.Header, time.Now())
	if wait <= 0 {
		return f
	}
	waiting := *f
	waiting.retry = min(wait, maxRetryAfter)
	waiting.format += "; it asks to wait " + wait.String()
	if wait > maxRetryAfter {
		waiting.format += ", of which " + maxRetryAfter.String() + " is granted"
	}
	return &waiting
}

// retryAfter is in seconds, or a time by the server's own clock. GitHub's rate limit
// says only when it ends.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if server, err := http.ParseTime(h.Get("Date")); err == nil {
		now = server
	}
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64((1<<62)/time.Second))) * time.Second //nolint:gosec // it fits
	}
	if end, err := http.ParseTime(text); err == nil {
		return end.Sub(now)
	}
	if end, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && h.Get("X-Ratelimit-Remaining") == "0" {
		return time.Unix(end, 0).Sub(now.Truncate(time.Second))
	}
	return 0
}
