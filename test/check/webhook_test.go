// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// webhook is the real handler, behind a certificate that can be changed.
type webhook struct {
	server  *httptest.Server
	address *net.TCPAddr
	ca      *authority
	serving atomic.Pointer[tls.Certificate]
}

func serve() (*webhook, error) {
	ip, err := ownAddress()
	if err != nil {
		return nil, err
	}
	w := &webhook{}
	if w.ca, err = newAuthority("pillion-ca"); err != nil {
		return nil, err
	}
	builtin := policy.Builtin()
	w.server = httptest.NewUnstartedServer(admission.NewHandler(admission.Options{
		Policies: map[string]*inject.Policy{builtin.Name: builtin}, Version: "v0.0.0-test",
	}))
	_ = w.server.Listener.Close()
	if w.server.Listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(ip.String(), "0")); err != nil {
		return nil, err
	}
	w.address, _ = w.server.Listener.Addr().(*net.TCPAddr)
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0) // that it is not trusted is what is tested
	w.server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return w.serving.Load(), nil }}
	w.server.StartTLS()
	return w, nil
}

// use serves another certificate from now on, to old connections as well.
func (w *webhook) use(p pair) {
	w.serving.Store(&p.tls)
	w.server.CloseClientConnections()
}

// ownAddress is one of this machine that an EndpointSlice may have: no loopback.
func ownAddress() (net.IP, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.To4(), nil
		}
	}
	return nil, errors.New("this machine has no address but the loopback, and the endpoints of a Service need one")
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// pair is a certificate with its key.
type pair struct {
	cert, key []byte // PEM
	tls       tls.Certificate
}

// The dates are fixed, so that what is said of them is.
func date(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: date(2020), NotAfter: date(2100),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(raw)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}, err
}

// issue makes a certificate for a name that is valid from 2020 until a year.
func (a *authority) issue(name string, until int) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotBefore: date(2020), NotAfter: date(until),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	p := pair{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})}
	p.tls, err = tls.X509KeyPair(p.cert, p.key)
	return p, err
}
