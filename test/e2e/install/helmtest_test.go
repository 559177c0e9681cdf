// SPDX-License-Identifier: Apache-2.0

package install

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"time"
)

// testPasses runs the chart's own test, which is "kubectl pillion check" in the cluster.
func (h helm) testPasses() {
	h.Helper()
	if said, err := h.try(h.Context(), "test", release, "--logs", "--timeout", "5m"); err != nil {
		h.Fatalf("helm test says of a healthy installation (%v):\n%s", err, said)
	}
}

// testTells overwrites the authority of the configurations, which somebody else would put right
// at once, and wants the chart's test to say so.
func (h helm) testTells() {
	h.Helper()
	stopCainjector(h.T)
	other, err := selfSigned()
	if err != nil {
		h.Fatal(err)
	}
	trustOnly(h.T, other)
	said, err := h.try(h.Context(), "test", release, "--logs", "--timeout", "5m")
	if err == nil || !strings.Contains(said, "✗ ca-bundle") && !strings.Contains(said, "✗ served-certificate") {
		h.Errorf("helm test does not say what is broken (error %v):\n%s", err, said)
	}
}

// selfSigned is an authority that has signed nothing.
func selfSigned() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
