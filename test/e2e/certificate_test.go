// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// certificate is a self-signed one for a name, with its key, in PEM.
func certificate(name string) (cert, key []byte, err error) {
	c, err := newCertificate(name, nil)
	if err != nil {
		return nil, nil, err
	}
	return c.pem()
}

// issue makes an authority, and a certificate of it for a name with its key, in PEM.
func issue(name string) (authority, cert, key []byte, err error) {
	a, err := newCertificate("e2e authority", nil)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := newCertificate(name, a)
	if err != nil {
		return nil, nil, nil, err
	}
	if authority, _, err = a.pem(); err != nil {
		return nil, nil, nil, err
	}
	cert, key, err = c.pem()
	return authority, cert, key, err
}

type keyedCertificate struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// newCertificate is for a name, signed by an issuer or, without one, by itself.
func newCertificate(name string, issuer *keyedCertificate) (*keyedCertificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	usage := x509.KeyUsageDigitalSignature
	if issuer == nil {
		usage |= x509.KeyUsageCertSign
	}
	c := &keyedCertificate{&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: issuer == nil, BasicConstraintsValid: true,
		KeyUsage:    usage,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key}
	if issuer == nil {
		issuer = c
	}
	c.Raw, err = x509.CreateCertificate(rand.Reader, c.Certificate, issuer.Certificate, key.Public(), issuer.key)
	return c, err
}

func (c *keyedCertificate) pem() (cert, key []byte, err error) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}
