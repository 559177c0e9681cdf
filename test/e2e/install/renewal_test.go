// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestInTheOrderOfTheREADME installs cert-manager by its own chart, then Pillion by Helm, and
// tests it. Renewals take minutes, most of which the kubelet waits; meanwhile there are overlays
// of the kustomize bases, each for a namespace of its own.
func TestInTheOrderOfTheREADME(t *testing.T) {
	h := newHelm(t, suite.helm4)
	installCertManager(h)
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	h.install(baseValues().with(values{"excludedNamespaces": []string{"overlaid-cert-manager", "overlaid-certificates"}}), "--wait")
	awaitPod(t, apps, time.Now())
	awaitPod(t, "default", time.Now()) // where helm test creates pods
	h.testPasses()

	t.Run("beside one another", func(t *testing.T) {
		t.Run("renewals lose no pod", func(t *testing.T) {
			t.Parallel()
			testRenewals(t, apps)
		})
		t.Run("overlays", func(t *testing.T) {
			t.Parallel()
			for _, base := range overlays() {
				t.Run(base, func(t *testing.T) { testOverlay(t, base) })
			}
		})
	})
	h.testTells()
}

// testRenewals renews what cert-manager issues, as it does by itself when the time comes, while
// pods are created. A CA with another key is what docs/reliability.md says to do when a key is
// lost.
func testRenewals(t *testing.T, apps string) {
	l := startLoad(t, apps)
	l.more(t)
	l.faultless(t, "before the renewals")

	start := time.Now()
	renew(t, certificate)
	t.Logf("a renewed leaf is served by every replica %s after it was asked for", awaitServed(t, leafSecret, start))
	l.more(t)
	l.faultless(t, "renewal of the leaf")

	start = time.Now()
	old := secretFile(t, authority, "ca.crt")
	renew(t, authority)
	if !sameKey(t, old, secretFile(t, authority, "ca.crt")) {
		t.Error("the renewed CA has another key, so who knows only that one does not trust what is in use")
	}
	l.renewLeaf(t, start, "renewal of the CA, and of the leaf by it")

	start = time.Now()
	newAuthority(t)
	l.renewLeaf(t, start, "a CA with another key, and a leaf by it")

	ca := secretFile(t, leafSecret, "ca.crt")
	trustOnly(t, ca)
	l.more(t)
	for _, bundle := range bundles(t) {
		if bundle != strings.TrimSpace(string(ca)) {
			t.Errorf("an entry trusts not only the new CA, but\n%s", bundle)
		}
	}
	l.faultless(t, "the previous CA is trusted no more")
	l.stop()
}

// renewLeaf renews the leaf after its CA, and ends the phase.
func (l *load) renewLeaf(t *testing.T, since time.Time, phase string) {
	t.Helper()
	renew(t, certificate)
	t.Logf("%s: it is served by every replica after %s", phase, awaitServed(t, leafSecret, since))
	awaitTrusted(t, secretFile(t, leafSecret, "ca.crt"))
	l.more(t)
	l.faultless(t, phase)
}

// renew is what cmctl renew does, and waits for what comes of it.
func renew(t *testing.T, name string) {
	t.Helper()
	of := func() string {
		return mustKubectl(t, "get", "certificate", "-n", namespace, name, "-o", "jsonpath={.status.revision}")
	}
	old := of()
	mustKubectl(t, "patch", "certificate", "-n", namespace, name, "--subresource=status", "--type=json", "-p",
		`[{"op": "add", "path": "/status/conditions/-", "value": {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
		  "message": "a test wants it", "lastTransitionTime": "`+time.Now().UTC().Format(time.RFC3339)+`"}}]`)
	await(t, func() error {
		if of() == old {
			return fmt.Errorf("the certificate %s is not renewed yet", name)
		}
		return nil
	})
}

// newAuthority makes cert-manager issue a CA with another key. The leaf stays as it is.
func newAuthority(t *testing.T) {
	t.Helper()
	old := secretFile(t, authority, "ca.crt")
	mustKubectl(t, "delete", "secret", "-n", namespace, authority)
	await(t, func() error {
		_, err := kubectl(t.Context(), "get", "secret", "-n", namespace, authority)
		return err
	})
	if sameKey(t, old, secretFile(t, authority, "ca.crt")) {
		t.Fatal("the CA was to have another key, but has the same")
	}
}

// each runs do for every webhook configuration of the release.
func each(t *testing.T, do func(configuration string)) {
	t.Helper()
	for name := range strings.FieldsSeq(mustKubectl(t, "get", "mutatingwebhookconfigurations,validatingwebhookconfigurations",
		"-l", "app.kubernetes.io/instance="+release, "-o", "name")) {
		do(name)
	}
}

// bundles are what the entries of all configurations trust.
func bundles(t *testing.T) (all []string) {
	t.Helper()
	each(t, func(name string) {
		for encoded := range strings.FieldsSeq(mustKubectl(t, "get", name, "-o", "jsonpath={.webhooks[*].clientConfig.caBundle}")) {
			bundle, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSpace(string(bundle)))
		}
	})
	return all
}

// awaitTrusted waits until every entry of every configuration has an authority.
// cainjector leaves those there that were there before.
func awaitTrusted(t *testing.T, ca []byte) {
	t.Helper()
	want := strings.TrimSpace(string(ca))
	await(t, func() error {
		for _, bundle := range bundles(t) {
			if !strings.Contains(bundle, want) {
				return errors.New("an entry does not have the new authority yet")
			}
		}
		return nil
	})
}

// trustOnly takes all authorities but one out of the configurations.
func trustOnly(t *testing.T, ca []byte) {
	t.Helper()
	each(t, func(name string) {
		var patch []string
		for i := range strings.Fields(mustKubectl(t, "get", name, "-o", "jsonpath={.webhooks[*].name}")) {
			patch = append(patch, fmt.Sprintf(`{"op":"replace","path":"/webhooks/%d/clientConfig/caBundle","value":%q}`, i, base64.StdEncoding.EncodeToString(ca)))
		}
		mustKubectl(t, "patch", name, "--type=json", "-p", "["+strings.Join(patch, ",")+"]")
	})
}

// awaitServed waits until every replica serves the certificate in a Secret, which the
// kubelet brings in its own time, and returns how long that took.
func awaitServed(t *testing.T, secret string, since time.Time) time.Duration {
	t.Helper()
	want := parse(t, secretFile(t, secret, "tls.crt")).NotAfter.Unix()
	metric := regexp.MustCompile(`(?m)^pillion_certificate_not_after_seconds (\S+)$`)
	await(t, func() error {
		for _, r := range replicas(t) {
			text, err := kubectl(t.Context(), "get", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+r.Metadata.Name+":8081/proxy/metrics")
			if err != nil {
				return err
			}
			m := metric.FindStringSubmatch(text)
			if m == nil {
				return errors.New("the metric of the certificate is missing")
			}
			if got, err := strconv.ParseFloat(m[1], 64); err != nil || int64(got) != want {
				return fmt.Errorf("%s serves a certificate that ends at %s (%w), not the new one", r.Metadata.Name, m[1], err)
			}
		}
		return nil
	})
	return time.Since(since).Round(time.Second)
}

func secretFile(t *testing.T, secret, file string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(mustKubectl(t, "get", "secret", "-n", namespace, secret, "-o", "jsonpath={.data."+strings.ReplaceAll(file, ".", `\.`)+"}"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("not PEM: %q", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sameKey(t *testing.T, a, b []byte) bool {
	t.Helper()
	return bytes.Equal(parse(t, a).RawSubjectPublicKeyInfo, parse(t, b).RawSubjectPublicKeyInfo)
}
