// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
	// dataLink is where kubelet's atomic writer points to the files of one
	// version of a mounted Secret.
	dataLink = "..data"
)

// readPair reads both files of one version. In a mounted Secret tls.crt and
// tls.key are two links through dataLink, which may move between two reads, so
// the link is resolved once and both files are read from where it led.
func readPair(dir string) (crt, key []byte, err error) {
	// Twice, because kubelet removes the old version as soon as the link has
	// moved on: a version that vanished under us means that there is a new one.
	for range 2 {
		version := dir
		if target, err := filepath.EvalSymlinks(filepath.Join(dir, dataLink)); err == nil {
			version = target
		}
		crt, err = os.ReadFile(filepath.Join(version, certificateFile))
		if err == nil {
			key, err = os.ReadFile(filepath.Join(version, keyFile))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return crt, key, err
}

// parsePair makes a certificate with its Leaf set, and fails if the key is not
// the leaf's.
func parsePair(crt, key []byte) (tls.Certificate, error) {
	if err := checkComplete(crt); err != nil {
		return tls.Certificate{}, err
	}
	certificate, err := tls.X509KeyPair(crt, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s are not a pair: %w (both must be PEM and come from one issuance)",
			certificateFile, keyFile, err)
	}
	return certificate, nil
}

// checkComplete rejects a certificate file that ends inside a block. The
// parser takes what came before as the whole chain, so a file that is still
// being written could be served without its intermediates.
func checkComplete(crt []byte) error {
	rest := crt
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = after
	}
	if len(rest) < len(crt) && bytes.Contains(rest, []byte("-----BEGIN")) {
		return fmt.Errorf("%s ends inside a PEM block (%d bytes): it is still being written, or was cut off", certificateFile, len(crt))
	}
	return nil
}

// fitToServe is nil if a client would take the leaf at this time under all
// these names. Its texts do not hold the time, so that one lasting problem has
// one text.
func fitToServe(leaf *x509.Certificate, dnsNames []string, now time.Time) error {
	if now.After(leaf.NotAfter) {
		return fmt.Errorf("%s expired at %s; it must be renewed", certificateFile, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(leaf.NotBefore) {
		return fmt.Errorf("%s is not valid before %s by this machine's clock", certificateFile, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	for _, name := range dnsNames {
		if err := leaf.VerifyHostname(name); err != nil {
			return fmt.Errorf("%s does not cover the expected name %s: %w", certificateFile, name, err)
		}
	}
	return nil
}

// digestOf identifies the content of both files. PEM has no NUL, so no two
// pairs share one input.
func digestOf(crt, key []byte) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join([][]byte{crt, key}, []byte{0}))
}

// connKey is where a request's context has its *conn.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *speaking:
		return context.WithValue(ctx, connKey{}, c.tcp)
	case *conn: // of the health port
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}
