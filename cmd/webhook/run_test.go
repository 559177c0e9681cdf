// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pillion-dev/pillion/internal/server"
	"github.com/pillion-dev/pillion/internal/version"
)

func TestRun(t *testing.T) {
	t.Parallel()
	noPolicy := t.TempDir()
	for _, c := range []struct {
		name, args     string
		status         int
		stdout, stderr string // what each must contain
	}{
		{"help goes to standard output", "--help", 0, "--policy-dir directory", ""},
		{"the version goes to standard output", "--version", 0, version.String(), ""},
		{"a wrong flag is a usage error that points to help", "--nope", exitUsage, "", "unknown flag: --nope\nSee webhook --help.\n"},
		{"a bad policy never starts serving", "--listen=:0 --health-listen=:0 --policy-dir=" + noPolicy, exitFailed, "", noPolicy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if got := run(strings.Fields(c.args), &stdout, &stderr); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
			}
			if c.stdout == "" && stdout.Len() > 0 || c.stderr == "" && stderr.Len() > 0 {
				t.Errorf("the other stream is not empty, stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
			}
		})
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	logged := &lines{}
	log, err := server.NewLogger(logged, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{
		"--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--cert-dir=" + dir,
		"--cert-dns-name=localhost", "--drain-min=1ms", "--drain-max=10s", "--helper-image=registry.example/h:v7",
		"--denials-by-namespace=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	drain, startDrain := context.WithCancel(context.Background())
	stop, stopNow := context.WithCancel(t.Context())
	defer stopNow()
	ended := make(chan error, 1)
	go func() { ended <- serve(drain, stop, o, log) }()

	start := logged.wait(t, "webhook starts")
	if hash := start.Policies["default"]; start.Version != version.String() || hash == "" {
		t.Errorf("start is logged with version %q and policies %v, want the version and the hash of default", start.Version, start.Policies)
	}
	serving := logged.wait(t, "serving")

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}}
	const review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","operation":"CREATE","namespace":"n",
		"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
		"object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`
	answer := fetch(t, client, http.MethodPost, "https://"+serving.Address+"/inject/default", review)
	if !strings.Contains(answer, `"uid":"u-1"`) || !strings.Contains(answer, `"allowed":true`) {
		t.Errorf("the review is answered with %s", answer)
	}
	asks := strings.Replace(review, `{"name":"p"}`, `{"name":"p","annotations":{"date-writer.pillion.dev/mount-path":"/html"}}`, 1)
	var given struct{ Response struct{ Patch []byte } }
	if err := json.Unmarshal([]byte(fetch(t, client, http.MethodPost, "https://"+serving.Address+"/inject/default", asks)), &given); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(given.Response.Patch), `"image":"registry.example/h:v7"`) {
		t.Errorf("the helper has another image than that of --helper-image:\n%s", given.Response.Patch)
	}
	wrong := strings.Replace(asks, "mount-path", "mount-paht", 1)
	if denied := fetch(t, client, http.MethodPost, "https://"+serving.Address+"/inject/default", wrong); !strings.Contains(denied, `"allowed":false`) {
		t.Errorf("a mistake is answered with %s", denied)
	}
	metrics := fetch(t, http.DefaultClient, http.MethodGet, "http://"+serving.Health+"/metrics", "")
	for what, series := range map[string]string{
		"the review is not counted":             `{policy="default",reason="NothingRequested",result="Skipped"} 1`,
		"an alert would miss the first failure": `{policy="default",reason="InternalError",result="Failed"} 0`,
		"an alert would miss the first denial":  `{policy="default",reason="InvalidValue",result="Denied"} 0`,
		"an alert would miss the first rollout": `{policy="unknown",reason="PolicyNotLoaded",result="Failed"} 0`,
	} {
		if !strings.Contains(metrics, "pillion_admission_requests_total"+series+"\n") {
			t.Errorf("%s: there is no %s in:\n%s", what, series, metrics)
		}
	}
	if series := `pillion_policy_info{hash="` + start.Policies["default"] + `",policy="default"} 1`; !strings.Contains(metrics, series+"\n") {
		t.Errorf("the policy that is loaded is not shown: there is no %s in:\n%s", series, metrics)
	}

	if series := `pillion_denied_pods_total{reason="UnknownAnnotation",resource_namespace="n"} 1`; !strings.Contains(metrics, series+"\n") {
		t.Errorf("the denied pod is not counted: there is no %s in:\n%s", series, metrics)
	}

	client.CloseIdleConnections()
	startDrain()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("serve = %v, want nil", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("waited a minute in vain for the drain to end")
	}
}

//nolint:paralleltest // the signals go to the whole test process
func TestSignals(t *testing.T) {
	log, err := server.NewLogger(io.Discard, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	drain, stop := signals(log)
	for _, c := range []struct {
		ctx    context.Context
		signal syscall.Signal
	}{{drain, syscall.SIGTERM}, {stop, syscall.SIGINT}} {
		if drain.Err() == nil && c.ctx == stop || stop.Err() != nil {
			t.Error("the first signal must end drain, and leave stop")
		}
		if err := self.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.ctx.Done():
		case <-time.After(time.Minute):
			t.Fatalf("waited a minute in vain for %s to be noticed", c.signal)
		}
	}
}

// lines collects a log in JSON.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// line holds the fields that the tests check.
type line struct {
	Msg, Version, Address, Health string
	Policies                      map[string]string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// wait returns the first line with the message.
func (l *lines) wait(t *testing.T, msg string) line {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		for raw := range strings.Lines(text) {
			var got line
			if err := json.Unmarshal([]byte(raw), &got); err == nil && got.Msg == msg {
				return got
			}
		}
	}
	t.Fatalf("waited a minute in vain for the log line %q", msg)
	return line{}
}

func fetch(t *testing.T, client *http.Client, method, url, content string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d: %s", url, resp.StatusCode, b)
	}
	return string(b)
}

// writeCertificate puts a self-signed certificate for localhost into dir.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{
		"tls.crt": crt,
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(crt)
	return roots
}
