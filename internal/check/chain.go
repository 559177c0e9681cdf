// SPDX-License-Identifier: Apache-2.0

package check

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// parsePEM reads all certificates of a PEM text.
func parsePEM(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

// unusable says why nobody can be served with a certificate now under a name; "" if it is
// good for that. Who trusts it is another question.
func unusable(leaf *x509.Certificate, host string, now time.Time) string {
	switch {
	case now.After(leaf.NotAfter):
		return "expired on " + day(leaf.NotAfter)
	case now.Before(leaf.NotBefore):
		return "is not valid before " + day(leaf.NotBefore)
	case leaf.VerifyHostname(host) != nil:
		names := "no name"
		if len(leaf.DNSNames) > 0 {
			names = and(leaf.DNSNames)
		}
		return fmt.Sprintf("is for %s, and not for %s", names, host)
	}
	return ""
}

// expiresSoon reports whether less than a sixth of a certificate's life is left. cert-manager
// renews when a third is.
func expiresSoon(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) < leaf.NotAfter.Sub(leaf.NotBefore)/6
}

// distrust says why nobody who trusts the authorities trusts a chain; "" if they do. The
// leaf's own validity and names do not matter here.
func distrust(chain, authorities []*x509.Certificate, now time.Time) string {
	leaf := chain[0]
	if now.After(leaf.NotAfter) {
		now = leaf.NotAfter
	}
	if now.Before(leaf.NotBefore) {
		now = leaf.NotBefore
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range authorities {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err == nil {
		return ""
	}
	if signer := slices.IndexFunc(authorities, func(c *x509.Certificate) bool { return leaf.CheckSignatureFrom(c) == nil }); signer >= 0 {
		return strings.TrimPrefix(err.Error(), "x509: ")
	}
	return fmt.Sprintf("it was issued by %s, and the authorities are %s", named(leaf.Issuer.String()), subjects(authorities))
}

func subjects(all []*x509.Certificate) string {
	var names []string
	for _, c := range all {
		names = append(names, named(c.Subject.String()))
	}
	return and(names)
}

func named(subject string) string {
	if subject == "" {
		return "somebody without a name"
	}
	return fmt.Sprintf("%q", subject)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
