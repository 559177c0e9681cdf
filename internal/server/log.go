// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// NewLogger writes to w. format is "json" or "text"; level is "debug", "info",
// "warn" or "error". Anything else is an error that names what would be right.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var opts slog.HandlerOptions
	switch level {
	case "debug":
		opts.Level = slog.LevelDebug
	case "info":
		opts.Level = slog.LevelInfo
	case "warn":
		opts.Level = slog.LevelWarn
	case "error":
		opts.Level = slog.LevelError
	default:
		return nil, fmt.Errorf("log level %q is unknown: use debug, info, warn or error", level)
	}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, &opts)), nil
	default:
		return nil, fmt.Errorf("log format %q is unknown: use json or text", format)
	}
}

// errorLog takes the lines net/http writes to [http.Server.ErrorLog], which have no
// type. Failed handshakes go to debug: any port scan or TCP probe makes them, as fast
// as it likes. Those of a client that does not trust our certificate are counted, and
// one in distrustEvery is a warning: if that is the API server, every review fails and
// nothing else here would show it.
type errorLog struct {
	log     *slog.Logger
	metrics *Metrics
	warned  atomic.Int64 // when, in nanoseconds since 1970
}

const distrustEvery = time.Minute

// distrust is how crypto/tls spells the alerts with which a client refuses a certificate
// (RFC 8446, section 6.2). Go's own client, and so the API server, sends the first.
var distrust = [][]byte{
	[]byte("remote error: tls: bad certificate"),
	[]byte("remote error: tls: unknown certificate"), // and "… certificate authority"
	[]byte("remote error: tls: expired certificate"),
}

func (e *errorLog) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	switch {
	case !bytes.HasPrefix(line, []byte("http: TLS handshake error")):
		e.log.Warn(text)
	case e.distrusted(line):
		e.log.Warn("a client does not trust the certificate served here; if it is the API server, caBundle in the webhook configuration is not its CA", "error", text)
	default:
		e.log.Debug(text)
	}
	return len(line), nil
}

// distrusted counts a handshake that the client gave up for our certificate, and tells
// whether a warning is due.
func (e *errorLog) distrusted(line []byte) bool {
	if !slices.ContainsFunc(distrust, func(alert []byte) bool { return bytes.Contains(line, alert) }) {
		return false
	}
	e.metrics.untrusted.Inc()
	last, now := e.warned.Load(), time.Now().UnixNano()
	return now-last >= int64(distrustEvery) && e.warned.CompareAndSwap(last, now)
}
