// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// running is a Server at work on ports of its own.
type running struct {
	*Server
	dir     string // of the certificate
	leaf    issued // the certificate, in dir unless the test took it out
	log     *journal
	metrics *Metrics
	drain   func()     // the first signal
	stop    func()     // the second
	done    chan error // what Run returned
	before  func(*Server)
}

// start runs a server with a certificate; change may take it away or alter
// the rest. The server is stopped when the test ends.
func start(t *testing.T, handler http.HandlerFunc, change ...func(*running, *Options)) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), leaf: issue(t), log: &journal{}, metrics: NewMetrics("test"), done: make(chan error, 1)}
	opts := Options{
		Listen: "127.0.0.1:0", HealthListen: "127.0.0.1:0",
		Handler: handler, MaxBody: 1 << 10, Bodies: 32 << 20, Connections: 64, ConnectionsPerSource: 64,
		Certificates: NewCertificates(CertificateOptions{
			Dir: r.dir, Poll: 10 * time.Millisecond, Log: r.log.logger(), Metrics: r.metrics,
		}),
		// The drain lasts until the test ends it, unless the test says otherwise.
		DrainMin: time.Hour, DrainMax: time.Hour,
		Log: r.log.logger(), Metrics: r.metrics,
	}
	r.leaf.writeTo(t, r.dir)
	for _, f := range change {
		f(r, &opts)
	}
	r.Server = New(opts)
	if r.before != nil {
		r.before(r.Server)
	}

	var drain, stop context.Context
	drain, r.drain = context.WithCancel(context.Background())
	stop, r.stop = context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		r.done <- r.Run(drain, stop)
		close(ended)
	}()
	t.Cleanup(func() {
		r.stop()
		<-ended
	})
	eventually(t, "the health port opens", func() bool { _, health := r.Addrs(); return health != nil })
	return r
}

// untilReady waits for /readyz and returns the address of the serving port.
func (r *running) untilReady(t *testing.T) string {
	t.Helper()
	eventually(t, "the server becomes ready", func() bool { code, _ := r.health(t, "/readyz"); return code == http.StatusOK })
	serving, _ := r.Addrs()
	return serving.String()
}

// health asks the health port and returns status and body.
func (r *running) health(t *testing.T, path string) (int, string) {
	t.Helper()
	_, health := r.Addrs()
	resp, err := http.Get("http://" + health.String() + path)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body(t, resp)
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tls is how a client that trusts the certificate connects.
func (r *running) tls() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.leaf.crt)
	return &tls.Config{RootCAs: roots, ServerName: serviceName, NextProtos: []string{"http/1.1"}}
}

// client keeps its connections open, as kube-apiserver does.
func (r *running) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: r.tls()}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (r *running) post(t *testing.T, c *http.Client, content string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Post("https://"+r.untilOpen(t)+"/inject/default", "application/json", strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return resp, body(t, resp)
}

// untilOpen waits for the serving port, ready or not.
func (r *running) untilOpen(t *testing.T) string {
	t.Helper()
	var addr net.Addr
	eventually(t, "the serving port opens", func() bool { addr, _ = r.Addrs(); return addr != nil })
	return addr.String()
}

// dial opens one TLS connection with the given changes to its configuration.
func (r *running) dial(t *testing.T, change ...func(*tls.Config)) (*tls.Conn, error) {
	t.Helper()
	config := r.tls()
	for _, f := range change {
		f(config)
	}
	conn, err := tls.Dial("tcp", r.untilOpen(t), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// ended waits for Run to return and gives its error.
func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("waited a minute in vain for Run to return")
		return nil
	}
}

// echo answers with the body it got, or with the 413 that a handler owes to a
// body above the cap.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	_, _ = w.Write(b)
}
