// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asClient makes a certificate one of a client, of its own CA.
func asClient(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames = name, nil
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
}

func (i issued) pair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(i.crt, i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// served reports whether a client with these certificates gets an answer. With TLS 1.3 it
// learns that it was rejected when it reads.
func (r *running) served(t *testing.T, certificates ...tls.Certificate) bool {
	t.Helper()
	conn, err := r.dial(t, func(c *tls.Config) { c.Certificates = certificates })
	if err != nil {
		return false
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write([]byte(goodRequest)); err != nil {
		return false
	}
	answer := make([]byte, 15)
	n, _ := conn.Read(answer)
	return strings.HasPrefix(string(answer[:n]), "HTTP/1.1 200")
}

func TestClientsShowACertificate(t *testing.T) {
	t.Parallel()
	apiserver, other, server := issue(t, asClient("kube-apiserver")), issue(t, asClient("kube-apiserver")), issue(t, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	node := issue(t, asClient("system:node:a"))
	file := filepath.Join(t.TempDir(), "ca.crt")
	trust := func(cas ...issued) {
		var text []byte
		for _, ca := range cas {
			text = append(text, ca.crt...)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(apiserver, node, server)
	r := start(t, echo, func(r *running, o *Options) {
		clients, err := NewClients(file, []string{"kube-apiserver"}, r.log.logger())
		if err != nil {
			t.Fatal(err)
		}
		o.Clients = clients
	})
	r.untilReady(t) // probes need no certificate
	if !r.served(t, apiserver.pair(t)) {
		t.Error("the API server is rejected")
	}
	if r.served(t) {
		t.Error("a client without a certificate is served")
	}
	for name, who := range map[string]issued{"another CA": other, "another name": node, "a server": server} {
		if r.served(t, who.pair(t)) {
			t.Errorf("a client with a certificate of %s is served", name)
		}
	}
	trust(other)
	eventually(t, "a new CA is taken up", func() bool { return r.served(t, other.pair(t)) })
	if r.served(t, apiserver.pair(t)) {
		t.Error("the CA that was replaced is still trusted")
	}
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a bad file is told", func() bool {
		return r.served(t, other.pair(t)) && strings.Contains(r.log.String(), "has no certificate in PEM")
	})
}

func TestClientsWithoutACA(t *testing.T) {
	t.Parallel()
	if _, err := NewClients(filepath.Join(t.TempDir(), "ca.crt"), nil, nil); err == nil {
		t.Error("a file that is missing is no error")
	}
}
