// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"slices"
	"strings"
)

// NewLogger writes to w. format is "json" or "text"; level is "debug", "info",
// "warn" or "error". Anything else is an error that names what would be right. Lines that
// anybody could cause without end are thinned out, see sparing.
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
		return slog.New(spare(slog.NewJSONHandler(w, &opts))), nil
	case "text":
		return slog.New(spare(slog.NewTextHandler(w, &opts))), nil
	default:
		return nil, fmt.Errorf("log format %q is unknown: use json or text", format)
	}
}

// cut is what somebody wrote who may be anybody, as a log line repeats it.
func cut(text string) string {
	const most = 128 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// errorLog is for what net/http has to say, which has no type.
func (s *Server) errorLog() *log.Logger {
	return log.New(netHTTP{s.opts.Log}, "", 0)
}

type netHTTP struct{ log *slog.Logger }

func (n netHTTP) Write(line []byte) (int, error) {
	n.log.Warn("net/http", "error", cut(string(bytes.TrimSpace(line))))
	return len(line), nil
}

// distrust is how crypto/tls spells the alerts with which a client rejects a certificate
// (RFC 8446, section 6.2). Go's own client, and so the API server, sends the first.
var distrust = []string{
	"remote error: tls: bad certificate",
	"remote error: tls: unknown certificate", // and "… certificate authority"
	"remote error: tls: expired certificate",
}

// handshakeFailed logs for debugging only: any port scan or TCP probe makes such failures,
// as fast as it likes. But a client that does not trust our certificate is a warning: if it
// is the API server, every review fails and nothing else here would show it.
func (s *Server) handshakeFailed(from net.Addr, err error) {
	s.opts.Metrics.handshakes.Inc()
	text := err.Error()
	if slices.ContainsFunc(distrust, func(alert string) bool { return strings.Contains(text, alert) }) {
		s.opts.Metrics.untrusted.Inc()
		s.opts.Log.Warn("a client does not trust the certificate served here; if it is the API server, caBundle in the webhook configuration is not its CA",
			"from", from.String(), "error", cut(text))
		return
	}
	s.opts.Log.Debug("TLS handshake failed", "from", from.String(), "error", cut(text))
}

// turned counts and logs the connections that a port closes for want of room.
func (s *Server) turned(port string) func(turnedAway) {
	return func(why turnedAway) {
		s.opts.Metrics.turned.WithLabelValues(port, string(why)).Inc()
		s.opts.Log.Warn("connections closed: a limit is reached", "port", port, "reason", why)
	}
}
