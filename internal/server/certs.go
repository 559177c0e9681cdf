// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

const defaultPoll = time.Second

// CertificateOptions says where the certificate is and what it must be good
// for.
type CertificateOptions struct {
	// Dir holds tls.crt (leaf first, then its chain) and tls.key, both PEM, as
	// plain files or as a mounted Kubernetes Secret.
	Dir string
	// DNSNames must all be covered by the leaf. Empty: not checked.
	DNSNames []string
	// Poll is the time between two polls of Dir. Zero: one second.
	Poll time.Duration

	Log     *slog.Logger
	Metrics *Metrics
}

// Certificates follows a certificate directory and always answers with the
// last pair that was fit to serve. A pair is fit when both files parse, the key
// belongs to the leaf, the leaf is within its validity, and it covers every
// expected DNS name. Anything else is logged once, counted at each poll, and
// leaves the pair in use as it is.
//
// It polls and does not use inotify: two small reads a second cost nothing, and
// they see every way a file can change (symlink swap, bind mount, network file
// system), of which inotify misses some.
type Certificates struct {
	opts   CertificateOptions
	now    func() time.Time
	loaded chan struct{} // closed when the first pair is in use

	mu      sync.RWMutex
	current *pair  // nil until loaded
	problem string // what the last poll found wrong, "" if nothing
}

// pair is a certificate with its key, and the digest of the files it came from.
type pair struct {
	certificate tls.Certificate
	digest      [sha256.Size]byte
}

// NewCertificates prepares to follow a directory. Nothing is read before Run.
func NewCertificates(opts CertificateOptions) *Certificates {
	if opts.Poll <= 0 {
		opts.Poll = defaultPoll
	}
	return &Certificates{opts: opts, now: time.Now, loaded: make(chan struct{})}
}

// Run polls the directory until ctx ends. Until the first pair is loaded it
// polls four times as often, because a pod is waiting to become ready.
func (c *Certificates) Run(ctx context.Context) {
	for {
		c.poll()
		wait := c.opts.Poll
		if c.inUse() == nil {
			wait /= 4
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Loaded is closed once there is a certificate to serve.
func (c *Certificates) Loaded() <-chan struct{} { return c.loaded }

// GetCertificate is for [tls.Config]. It fails only before the first load.
func (c *Certificates) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p := c.inUse()
	if p == nil {
		return nil, errors.New("no certificate has been loaded yet")
	}
	return &p.certificate, nil
}

// Check is nil while the certificate in use can be trusted by a client, and
// otherwise one line that says why not.
func (c *Certificates) Check() error {
	c.mu.RLock()
	current, problem := c.current, c.problem
	c.mu.RUnlock()
	if current == nil {
		if problem == "" {
			problem = "not checked yet"
		}
		return fmt.Errorf("waiting for a certificate: %s", problem)
	}
	if leaf := current.certificate.Leaf; c.now().After(leaf.NotAfter) {
		return fmt.Errorf("the certificate in use expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

func (c *Certificates) inUse() *pair {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.current
}

// poll reads the directory once and moves to what it finds if that is fit.
// Only Run calls it, so that polls never overlap.
func (c *Certificates) poll() {
	fresh, err := c.load()
	if err != nil {
		c.reject(fmt.Errorf("certificate directory %s: %w", c.opts.Dir, err))
		return
	}
	c.accept(fresh)
}

// load returns the pair in the directory, or the one in use if it is the same.
func (c *Certificates) load() (*pair, error) {
	crt, key, err := readPair(c.opts.Dir)
	if err != nil {
		return nil, err
	}
	p := c.inUse()
	if digest := digestOf(crt, key); p == nil || p.digest != digest {
		certificate, err := parsePair(crt, key)
		if err != nil {
			return nil, err
		}
		p = &pair{certificate: certificate, digest: digest}
	}
	return p, fitToServe(p.certificate.Leaf, c.opts.DNSNames, c.now())
}

func (c *Certificates) accept(fresh *pair) {
	c.mu.Lock()
	before, problem := c.current, c.problem
	c.current, c.problem = fresh, ""
	c.mu.Unlock()

	leaf := fresh.certificate.Leaf
	attrs := []any{"dir", c.opts.Dir, "dnsNames", leaf.DNSNames, "notAfter", leaf.NotAfter.UTC(), "serial", leaf.SerialNumber.Text(16)}
	switch {
	case fresh != before:
		c.opts.Metrics.notAfter.Set(float64(leaf.NotAfter.Unix()))
		c.opts.Metrics.notBefore.Set(float64(leaf.NotBefore.Unix()))
		c.opts.Log.Info("certificate loaded", attrs...)
	case problem != "":
		c.opts.Log.Info("certificate directory holds the certificate in use again", attrs...)
	}
	if before == nil {
		close(c.loaded)
	}
}

// reject keeps the pair in use. A bad directory stays bad for many polls: the
// counter grows with each (so its rate shows a problem that lasts), the log
// gets one line.
func (c *Certificates) reject(err error) {
	c.mu.Lock()
	current, known := c.current, c.problem == err.Error()
	c.problem = err.Error()
	c.mu.Unlock()

	waiting := current == nil && errors.Is(err, fs.ErrNotExist)
	if !waiting {
		c.opts.Metrics.reloadFailures.Inc()
	}
	switch {
	case known:
	case waiting:
		c.opts.Log.Info("waiting for a certificate", "reason", err.Error())
	case current == nil:
		c.opts.Log.Error("certificate cannot be served, and there is no previous one", "error", err.Error())
	default:
		c.opts.Log.Error("certificate cannot be served, the one in use stays", "error", err.Error(),
			"notAfter", current.certificate.Leaf.NotAfter.UTC())
	}
}
