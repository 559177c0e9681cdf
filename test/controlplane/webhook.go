// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// A Webhook is the webhook binary as a process. Its addresses and its
// certificate stay the same over restarts.
type Webhook struct {
	path    string
	args    []string
	log     string
	address string // of the TLS port
	health  string // of the plain HTTP port
	ca      []byte // PEM; what the API server trusts

	mu     sync.Mutex
	proc   *process // nil while stopped
	closed bool     // the control plane has been stopped: never start again
}

// startWebhook builds cmd/webhook, makes its certificate and starts it.
func (p *Plane) startWebhook(ctx context.Context) error {
	w := &Webhook{path: filepath.Join(p.dir, "webhook"), log: filepath.Join(p.dir, "webhook.log")}
	if _, err := output(ctx, p.root, p.opts, "go", "build", "-buildvcs=false", "-o", w.path, "./cmd/webhook"); err != nil {
		return err
	}
	certs := filepath.Join(p.dir, "certs")
	var err error
	if w.ca, err = WriteCertificate(certs); err != nil {
		return err
	}
	if w.address, err = freeAddress(ctx); err != nil {
		return err
	}
	if w.health, err = freeAddress(ctx); err != nil {
		return err
	}
	// No endpoint has to spread here before the process may go, and the API server
	// keeps its idle connection longer than a test wants to wait.
	w.args = []string{"--listen", w.address, "--health-listen", w.health, "--cert-dir", certs, "--drain-min", "0s", "--drain-max", "1s"}
	if p.opts.PolicyDir != "" {
		w.args = append(w.args, "--policy-dir", p.opts.PolicyDir)
	}
	w.args = append(w.args, p.opts.WebhookArgs...)
	p.Webhook = w
	p.onStop(w.close)
	return w.Start(ctx)
}

// Start starts a stopped webhook and returns when it says it is ready.
func (w *Webhook) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return errors.New("the control plane has been stopped")
	case w.proc != nil:
		return errors.New("the webhook is running already")
	}
	proc, err := launch(ctx, w.path, w.log, w.args...)
	if err != nil {
		return err
	}
	w.proc = proc
	return proc.await(ctx, func(ctx context.Context) error {
		_, err := get(ctx, "http://"+w.health+"/readyz")
		return err
	})
}

// Stop stops the webhook as a kubelet would. Stopping a stopped one is no error.
func (w *Webhook) Stop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stop()
}

// close is Stop for good. On SIGINT a test may be about to call Start.
func (w *Webhook) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return w.stop()
}

func (w *Webhook) stop() error {
	if w.proc == nil {
		return nil
	}
	proc := w.proc
	w.proc = nil
	return proc.stop()
}

// Logs is all that the webhook has written so far.
func (w *Webhook) Logs() (string, error) {
	data, err := os.ReadFile(w.log)
	return string(data), err
}

// Metrics is what Prometheus would read from the webhook now.
func (w *Webhook) Metrics(ctx context.Context) (Metrics, error) {
	body, err := get(ctx, "http://"+w.health+"/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(body)
}

// get returns the body of a 200 answer, and an error for any other.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s: %s", url, res.Status, body)
	}
	return body, nil
}

// freeAddress is a loopback address with a port that was free a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
