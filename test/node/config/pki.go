// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"
)

// An authority signs every certificate of a node.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// template is valid from an hour ago, for clocks that differ, for ten years: a
// node that somebody forgot still answers.
func template(name string, groups ...string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text()[:16])),
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// newAuthority writes a new authority as "ca".
func (n Node) newAuthority() (*authority, error) {
	t := template("pillion test node")
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage |= x509.KeyUsageCertSign
	self := &authority{cert: t}
	der, err := self.sign(t, n.cert("ca"), n.key("ca"))
	if err != nil {
		return nil, err
	}
	self.cert, err = x509.ParseCertificate(der)
	return self, err
}

// client writes a certificate by which the API server and the kubelet know who
// is calling.
func (a *authority) client(certFile, keyFile, user string, groups ...string) error {
	t := template(user, groups...)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	_, err := a.sign(t, certFile, keyFile)
	return err
}

// server writes a certificate for a server that is reached by these names and
// addresses.
func (a *authority) server(certFile, keyFile string, hosts ...string) error {
	t := template(hosts[0])
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	_, err := a.sign(t, certFile, keyFile)
	return err
}

// sign makes a key for t and writes both. The authority's own certificate, which
// comes first, is signed by the key that is made for it.
func (a *authority) sign(t *x509.Certificate, certFile, keyFile string) ([]byte, error) {
	key, err := newKey(keyFile)
	if err != nil {
		return nil, err
	}
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return der, writeFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// newKey writes a key in the one form that kube-apiserver takes for the keys of
// ServiceAccounts too.
func newKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, errors.Join(err, writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}
