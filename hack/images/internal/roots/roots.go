// SPDX-License-Identifier: Apache-2.0

// Package roots holds the certificate authorities that an image trusts. They are
// Mozilla's, as golang.org/x/crypto/x509roots publishes them, so the version in
// go.mod decides them and not the machine that builds.
package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Path is the first place where Go's crypto/x509 looks on Linux.
const Path = "/etc/ssl/certs/ca-certificates.crt"

// PEM is the content of Path: one block per root, in the bundle's order, with the
// root's subject above it.
//
// A root that Mozilla trusts for old certificates only is left out: a PEM file
// cannot say "distrust what was issued after this date", and would trust all.
func PEM() ([]byte, error) {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, fmt.Errorf("a root of golang.org/x/crypto/x509roots/fallback is not a certificate: %w", err)
		}
		fmt.Fprintf(&out, "# %s\n", cert.Subject)
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
