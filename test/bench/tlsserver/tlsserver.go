// SPDX-License-Identifier: Apache-2.0

// Package tlsserver serves the baselines of test/bench with the TLS settings of the webhook.
package tlsserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Serve answers requests on a free port of 127.0.0.1 with the certificate in certDir, and
// does not return unless it fails. As the webhook does, it logs the port as JSON to standard
// error, with the message "serving".
func Serve(certDir string, handler http.Handler) error {
	certificate, err := tls.LoadX509KeyPair(filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key"))
	if err != nil {
		return fmt.Errorf("certificate directory %s: %w", certDir, err)
	}
	port, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("serving", "address", port.Addr().String())
	var http1 http.Protocols
	http1.SetHTTP1(true)
	server := &http.Server{
		Handler: handler,
		TLSConfig: &tls.Config{
			MinVersion:             tls.VersionTLS12,
			Certificates:           []tls.Certificate{certificate},
			NextProtos:             []string{"http/1.1"},
			SessionTicketsDisabled: true,
		},
		Protocols:         &http1,
		ReadHeaderTimeout: 5 * time.Second,
	}
	return server.ServeTLS(port, "", "")
}
