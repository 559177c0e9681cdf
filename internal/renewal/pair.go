// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// clockSkew is how far the clocks of API servers may be behind ours.
const clockSkew = time.Hour

// MinValidity leaves room for the clock skew, a run each day, and a week of failed ones.
const MinValidity = 30 * 24 * time.Hour

// A pair is a certificate and its key, both in PEM.
type pair struct {
	crt, key []byte
	leaf     *x509.Certificate
}

// newPair makes a certificate for a server of these names, signed with its own key.
func newPair(names []string, now time.Time, validity time.Duration) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{ // without a serial number: x509 makes one
		Subject:               pkix.Name{CommonName: "pillion-webhook"}, // clients check the names below
		DNSNames:              names,
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(validity),
		BasicConstraintsValid: true, // and IsCA false: what is signed with this key is trusted by nobody
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return parsePair(crt, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func parsePair(crt, key []byte) (*pair, error) {
	if len(crt) == 0 || len(key) == 0 {
		return nil, errors.New("there is none yet")
	}
	both, err := tls.X509KeyPair(crt, key)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	return &pair{crt: crt, key: key, leaf: both.Leaf}, nil
}

// renewal is when two thirds of a certificate's life are over.
func renewal(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)
}

// check is nil if the pair can be served, for long enough and under all names.
func (p *pair) check(names []string, now time.Time) error {
	if now.Before(p.leaf.NotBefore) {
		return fmt.Errorf("it is not valid before %s by this machine's clock", stamp(p.leaf.NotBefore))
	}
	if at := renewal(p.leaf); !now.Before(at) {
		return fmt.Errorf("two thirds of its life were over at %s", stamp(at))
	}
	for _, name := range names {
		if err := p.leaf.VerifyHostname(name); err != nil {
			return fmt.Errorf("it is not for the name %s", name)
		}
	}
	return nil
}

// certificates are those in PEM that a client could still accept. What is no certificate
// is left out.
func certificates(text []byte, now time.Time) []*x509.Certificate {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" && now.Before(c.NotAfter) {
			all = append(all, c)
		}
	}
}

// encode writes certificates as PEM, each once.
func encode(all []*x509.Certificate) []byte {
	var text bytes.Buffer
	written := map[string]bool{}
	for _, c := range all {
		if !written[string(c.Raw)] {
			written[string(c.Raw)] = true
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a bytes.Buffer takes everything
		}
	}
	return text.Bytes()
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
