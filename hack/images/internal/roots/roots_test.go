// SPDX-License-Identifier: Apache-2.0

package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func TestPEMHoldsEveryRootThatIsTrustedWithoutConditions(t *testing.T) {
	t.Parallel()
	text, err := PEM()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !cert.IsCA {
			t.Errorf("%s is not a certificate authority", cert.Subject)
		}
		got[string(block.Bytes)] = true
	}

	constrained := 0
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			constrained++
		}
		if want := root.Constraint == nil; got[string(root.Certificate)] != want {
			cert, _ := x509.ParseCertificate(root.Certificate)
			t.Errorf("%s: in the file %t, want %t", cert.Subject, !want, want)
		}
	}
	if len(got) < 100 {
		t.Errorf("%d roots; Mozilla trusts more than 100", len(got))
	}
	if constrained == 0 {
		t.Log("no root has a constraint in this version of the bundle, so leaving such out was not tested")
	}
}

func TestGoReadsThePEM(t *testing.T) {
	t.Parallel()
	text, err := PEM()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("crypto/x509 finds no certificate in the file")
	}
	all := x509.NewCertPool()
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all.AddCert(cert)
	}
	if !pool.Equal(all) {
		t.Error("crypto/x509 does not read every certificate of the file")
	}
	if bytes.Contains(text, []byte("\r")) {
		t.Error("the file has carriage returns")
	}
}
