// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// The keys of the Secret. Pods mount the first two and nothing else.
const (
	servedCert = "tls.crt"
	servedKey  = "tls.key"
	nextCert   = "next.crt"
	nextKey    = "next.key"
	// previous are certificates that some pod may still serve.
	previous = "previous.crt"
	// since is when the served pair was handed over.
	since = "since"
	// request asks for a renewal before its time. Its value does not matter.
	request = "renew"
)

// state is what the Secret says at one time.
type state struct {
	data map[string][]byte
	now  time.Time
}

// changes are keys of the Secret with their new values; nil removes one.
type changes map[string][]byte

func (s state) certificates(key string) []*x509.Certificate {
	return certificates(s.data[key], s.now)
}

// renewalReason says why the served pair must be renewed, and is nil if it need not be.
func (s state) renewalReason(names []string) error {
	if _, asked := s.data[request]; asked {
		return errors.New("the Secret's key " + request + " asks for it")
	}
	served, err := parsePair(s.data[servedCert], s.data[servedKey])
	if err != nil {
		return err
	}
	return served.check(names, s.now)
}

// next is the pair that waits to be served; nil if there is none that could be.
func (s state) next(names []string) *pair {
	p, err := parsePair(s.data[nextCert], s.data[nextKey])
	if err != nil || p.check(names, s.now) != nil {
		return nil
	}
	return p
}

// trusted are the certificates that API servers must accept, the newest first. Handing
// over the next one does not change them.
func (s state) trusted() []*x509.Certificate {
	return slices.Concat(s.certificates(nextCert), s.certificates(servedCert), s.certificates(previous))
}

// prepare puts a fresh pair into line. strangers are certificates that API servers accept
// now: if the Secret has lost its own, or is new in the place of another, pods serve one
// of those.
func (s state) prepare(fresh *pair, strangers []*x509.Certificate) changes {
	c := changes{nextCert: fresh.crt, nextKey: fresh.key, request: nil}
	if len(s.certificates(servedCert)) == 0 && len(strangers) > 0 {
		c[previous] = encode(slices.Concat(s.certificates(previous), strangers))
	}
	return c
}

// handOver makes the next pair the served one.
func (s state) handOver() changes {
	c := changes{
		servedCert: s.data[nextCert], servedKey: s.data[nextKey], since: []byte(stamp(s.now)),
		nextCert: nil, nextKey: nil, previous: nil,
	}
	if old := slices.Concat(s.certificates(servedCert), s.certificates(previous)); len(old) > 0 {
		c[previous] = encode(old)
	}
	return c
}

// leftovers removes what is needed no more: the certificates before the served one, once
// it has been served for so long, and a next pair that never will be. It is nil if there
// is nothing to remove.
func (s state) leftovers(overlap time.Duration) changes {
	c := changes{}
	if _, there := s.data[previous]; there {
		served, err := time.Parse(time.RFC3339, string(s.data[since]))
		if err != nil || !s.now.Before(served.Add(overlap)) {
			c[previous] = nil
		}
	}
	for _, key := range []string{nextCert, nextKey} {
		if _, there := s.data[key]; there {
			c[key] = nil
		}
	}
	if len(c) == 0 {
		return nil
	}
	return c
}
