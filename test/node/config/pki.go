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

// An authority signs every certificate of a cluster, and the tokens of its ServiceAccounts.
type authority struct {
	cert          *x509.Certificate
	key, accounts *ecdsa.PrivateKey
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

func newAuthority() (*authority, error) {
	t := template("pillion test node")
	t.IsCA, t.BasicConstraintsValid = true, true
	t.KeyUsage |= x509.KeyUsageCertSign
	key, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	accounts, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key, accounts}, err
}

// write writes what the nodes of a cluster have in common.
func (a *authority) write(n Node) error {
	return errors.Join(writeCert(n.cert("ca"), a.cert.Raw), writeKey(n.key("ca"), a.key), writeKey(n.key("serviceaccounts"), a.accounts))
}

// client writes a certificate by which the API server and the kubelet know who
// is calling.
func (a *authority) client(certFile, keyFile, user string, groups ...string) error {
	t := template(user, groups...)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(t, certFile, keyFile)
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
	return a.sign(t, certFile, keyFile)
}

// sign makes a key for t and writes both.
func (a *authority) sign(t *x509.Certificate, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return errors.Join(writeKey(keyFile, key), writeCert(certFile, der))
}

func writeCert(file string, der []byte) error {
	return writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// writeKey writes a key in the one form that kube-apiserver takes for the keys of
// ServiceAccounts too.
func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
