// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Options say what to keep in order, and how patiently.
type Options struct {
	Cluster Cluster
	// Names are the DNS names of the certificate.
	Names []string
	// Validity is that of a new certificate, at least [MinValidity]. It is renewed after
	// two thirds of it.
	Validity time.Duration
	// Settle is how long all API servers are given to see a change of trust.
	Settle time.Duration
	// Overlap is how long a certificate stays trusted after the next has been handed over.
	Overlap time.Duration
	// Revision is what the configurations' [RevisionAnnotation] must say before anything
	// is done: an installer writes one object after the other, and entries that it has
	// not written yet could get no caBundle. "" does not wait.
	Revision string
	// Patience is how long configurations are waited for.
	Patience time.Duration

	Log *slog.Logger
}

const (
	pollEvery = 500 * time.Millisecond
	// maxRepeats is how often trust is published again after somebody took it away, before
	// that is an error.
	maxRepeats = 5
)

// A run is one process's way to the goal. What it remembers makes it slower, never faster.
type run struct {
	Options
	published map[string]int // how often, by configuration
	// settling is the bundle that was last seen in every entry, since seen.
	settling []byte
	seen     time.Time
}

// Run brings everything into order, and returns when it is. It can be called at any time
// and after any failure.
func Run(ctx context.Context, o Options) error {
	r := &run{Options: o, published: map[string]int{}}
	for {
		done, err := r.step(ctx)
		switch {
		case errors.Is(err, ErrConflict):
			r.Log.Info("another process is at work, checking again", "cause", err.Error())
			err = pause(ctx, pollEvery)
		case done:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// step makes the first change that is missing. done is true if none is.
func (r *run) step(ctx context.Context) (done bool, err error) {
	configurations, err := r.configurations(ctx) // before the Secret: see the package's comment
	if err != nil {
		return false, err
	}
	secret, err := r.Cluster.Secret(ctx)
	if err != nil {
		return false, err
	}
	s := state{secret.Data, time.Now()}
	next := s.next(r.Names)
	if next == nil {
		if reason := s.renewalReason(r.Names); reason != nil {
			return false, r.issue(ctx, secret, s, reason, configurations)
		}
		if old := s.leftovers(r.Overlap); old != nil {
			r.Log.Info("what no pod serves any more is removed", "secret", secret.Name, "keys", slices.Sorted(maps.Keys(old)))
			return false, r.Cluster.Change(ctx, secret, old)
		}
	}
	bundle := encode(s.trusted())
	if changed, err := r.publish(ctx, configurations, bundle); changed || err != nil {
		return false, err
	}
	if next == nil {
		r.report(s)
		return true, nil
	}
	if wait := r.settle(s, bundle); wait > 0 {
		return false, pause(ctx, wait)
	}
	r.Log.Info("certificate handed over; kubelets carry it to the pods within some two minutes",
		"secret", secret.Name, "serial", next.leaf.SerialNumber.Text(16))
	return false, r.Cluster.Change(ctx, secret, s.handOver())
}

func (r *run) issue(ctx context.Context, secret Secret, s state, reason error, configurations []Configuration) error {
	fresh, err := newPair(r.Names, s.now, r.Validity)
	if err != nil {
		return fmt.Errorf("making a certificate for %q: %w", r.Names, err)
	}
	var strangers []*x509.Certificate
	for _, c := range configurations {
		for _, e := range c.Entries {
			strangers = append(strangers, certificates(e.CABundle, s.now)...)
		}
	}
	r.Log.Info("certificate issued", "reason", reason.Error(), "dnsNames", r.Names,
		"notAfter", fresh.leaf.NotAfter.UTC(), "serial", fresh.leaf.SerialNumber.Text(16))
	return r.Cluster.Change(ctx, secret, s.prepare(fresh, strangers))
}

// publish sets the bundle of the first configuration that has another one.
func (r *run) publish(ctx context.Context, configurations []Configuration, bundle []byte) (changed bool, err error) {
	for _, c := range configurations {
		var lacking []string
		for _, e := range c.Entries {
			if !bytes.Equal(e.CABundle, bundle) {
				lacking = append(lacking, e.Name)
			}
		}
		if len(lacking) == 0 {
			continue
		}
		if r.published[c.String()]++; r.published[c.String()] > maxRepeats {
			return false, fmt.Errorf("%s: the caBundle of %q was set %d times and each time changed by somebody else; "+
				"one hand alone can keep it: remove the annotation cert-manager.io/inject-ca-from, or whatever else writes it", c, lacking, maxRepeats)
		}
		r.settling = nil
		if err := r.Cluster.Trust(ctx, c, bundle); err != nil {
			return false, err
		}
		r.Log.Info("trust published", "kind", c.Kind, "name", c.Name, "entries", lacking, "bundleBytes", len(bundle))
		return true, nil
	}
	return false, nil
}

// settle is the time to wait until all API servers know the bundle, which was just seen
// in every entry. There is nothing to wait for where no pod serves a certificate that
// works today.
func (r *run) settle(s state, bundle []byte) time.Duration {
	if len(s.certificates(servedCert))+len(s.certificates(previous)) == 0 {
		return 0
	}
	if !bytes.Equal(r.settling, bundle) {
		r.settling, r.seen = bundle, s.now
		r.Log.Info("waiting until every API server trusts the new certificate beside the old one", "for", r.Settle.String())
	}
	return r.Settle - s.now.Sub(r.seen)
}

func (r *run) report(s state) {
	served := s.certificates(servedCert)[0]
	r.Log.Info("certificates are in order", "serial", served.SerialNumber.Text(16), "notAfter", served.NotAfter.UTC(),
		"nextRenewal", renewal(served).UTC(), "stillTrusted", serials(s.certificates(previous)))
}

func serials(all []*x509.Certificate) []string {
	texts := []string{}
	for _, c := range all {
		texts = append(texts, c.SerialNumber.Text(16))
	}
	return texts
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
