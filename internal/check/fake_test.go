// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// fake answers with the objects at paths of the API, as YAML. "forbidden" is forbidden, and
// what is not there is not found.
type fake struct {
	objects map[string]string
	try     func(*corev1.Pod) (*corev1.Pod, error)
	served  func(pod string) ([]*x509.Certificate, error)
}

func (f fake) raw(path string) ([]byte, error) {
	text, has := f.objects[path]
	resource := schema.GroupResource{Resource: path[strings.LastIndex(path, "/")+1:]}
	switch {
	case text == "forbidden":
		return nil, apierrors.NewForbidden(resource, "", errors.New("you may not"))
	case text == "away":
		return nil, errors.New("connection refused")
	case !has:
		return nil, apierrors.NewNotFound(resource, "")
	}
	return yaml.YAMLToJSON([]byte(text))
}

func (f fake) Get(_ context.Context, path string, into any) error {
	raw, err := f.raw(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (f fake) List(_ context.Context, path string, each func(json.RawMessage) error) error {
	raw, err := f.raw(path)
	if err != nil {
		return err
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	for _, item := range items {
		if err := each(item); err != nil {
			return err
		}
	}
	return nil
}

func (f fake) Try(_ context.Context, _ string, pod *corev1.Pod) (*corev1.Pod, error) {
	return f.try(pod)
}

func (f fake) Served(_ context.Context, _, pod string, _ int32, _ string) ([]*x509.Certificate, error) {
	return f.served(pod)
}

// now is the time of all tests.
func now() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }

// at is a look that has come to a link, with one entry that calls a Service.
func at(link Link, f fake) *look {
	to := target{namespace: "pillion-system", name: "pillion-webhook", port: 443}
	return &look{
		Options: Options{Now: now()}, cluster: f, link: link, to: to,
		entriesOf: []entry{{to: to, kind: "mutatingwebhookconfiguration", configuration: "pillion", path: "/inject/default"}},
	}
}

// said is what a look has found, one result a line.
func (l *look) said() string {
	var b strings.Builder
	for _, r := range l.results {
		fmt.Fprintf(&b, "%s %s: %s\n", r.Outcome, r.Name, r.Message)
	}
	return b.String()
}

func decoded[T any](t *testing.T, text string) *T {
	t.Helper()
	o := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
		t.Fatal(err)
	}
	return o
}

const host = "pillion-webhook.pillion-system.svc"

// signer makes certificates.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// sign makes one for a name with a life; a nil signer signs an authority.
func (s *signer) sign(t *testing.T, name string, from, until time.Time) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	made := &signer{template, key}
	if s == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		s = made
	} else {
		template.DNSNames = []string{name}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, s.cert, key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	if made.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return made
}

func (s *signer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})
}

func days(n int) time.Time { return now().AddDate(0, 0, n) }

// denied is how an API server answers for a webhook.
func denied(text string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: text}}
}
