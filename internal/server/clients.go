// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Clients says which clients may call: those with a certificate for client authentication of a CA
// in a file, and one of some names. Without it, every client that reaches the port may call.
type Clients struct {
	file  string
	names []string
	log   *slog.Logger

	mu     sync.Mutex
	text   []byte // of the file, as the pool was made of it
	pool   *x509.CertPool
	looked time.Time
}

// NewClients reads the file, which holds certificates in PEM. It is read again when it has
// changed, for handshakes at least a second apart; one that is bad leaves the last good one
// in use. A certificate has to have one of the names as its common name or among its DNS
// names; without any, every certificate of the CA will do.
func NewClients(file string, names []string, log *slog.Logger) (*Clients, error) {
	c := &Clients{file: file, names: names, log: log}
	return c, c.load()
}

func (c *Clients) load() error {
	c.looked = time.Now()
	text, err := os.ReadFile(c.file)
	if err != nil {
		return fmt.Errorf("reading the CA of clients: %w", err)
	}
	if bytes.Equal(text, c.text) {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has no certificate in PEM, with which to verify clients", c.file)
	}
	c.text, c.pool = text, pool
	return nil
}

func (c *Clients) current() *x509.CertPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > time.Second {
		if err := c.load(); err != nil {
			c.log.Error("the CA of clients cannot be used, the one in use stays", "error", err.Error())
		}
	}
	return c.pool
}

// require makes a configuration ask each client for its certificate.
func (c *Clients) require(config *tls.Config) {
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.VerifyConnection = c.named
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := config.Clone()
		now.ClientCAs, now.GetConfigForClient = c.current(), nil
		return now, nil
	}
}

func (c *Clients) named(state tls.ConnectionState) error {
	if len(c.names) == 0 {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		return errors.New("the client has no certificate")
	}
	leaf := state.PeerCertificates[0]
	if slices.ContainsFunc(c.names, func(name string) bool { return name == leaf.Subject.CommonName || slices.Contains(leaf.DNSNames, name) }) {
		return nil
	}
	return fmt.Errorf("the client's certificate is for %q, expected one for %s", cut(leaf.Subject.CommonName), strings.Join(c.names, " or "))
}
