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
	"testing"
	"time"
)

// TestHelmTestTellsWhetherAllIsWell runs the chart's own test on a healthy installation,
// and on one whose authority somebody has overwritten.
func TestHelmTestTellsWhetherAllIsWell(t *testing.T) {
	makeNamespace(t, namespace)
	runCertManager(t, "controller")
	stop := runCertManager(t, "cainjector")
	h := newHelm(t, suite.helm4)
	h.install(baseValues(), "--wait")
	awaitPod(t, "default", time.Now())
	if said, err := h.try(t.Context(), "test", release, "--logs", "--timeout", "5m"); err != nil {
		t.Fatalf("helm test says of a healthy installation (%v):\n%s", err, said)
	}

	stop() // it would put the authority right at once
	other, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	trustOnly(t, other)
	said, err := h.try(t.Context(), "test", release, "--logs", "--timeout", "5m")
	if err == nil || !strings.Contains(said, "✗ ca-bundle") && !strings.Contains(said, "✗ served-certificate") {
		t.Errorf("helm test does not say what is broken (error %v):\n%s", err, said)
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
