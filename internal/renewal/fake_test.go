// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Of the cluster that the fake stands for.
const (
	kubeletLag   = 2 * time.Minute  // until the last pod serves what is in the Secret
	apiServerLag = 50 * time.Second // until the last API server knows a configuration
)

var errCrash = errors.New("crash")

// fake is a cluster that remembers what was true when.
type fake struct {
	t              *testing.T
	data           map[string][]byte
	configurations []Configuration
	version        int

	writes  int
	crashAt int               // the write at which the process dies; 0: none
	applied bool              // whether that write still arrives
	before  func(what string) // is called before each call is answered

	served  []span // values of tls.crt
	bundles []span // values of an entry's caBundle
	log     []string
}

// span is a value and when it held; until is zero while it does.
type span struct {
	entry       string
	value       []byte
	from, until time.Time
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, data: map[string][]byte{}}
	f.configurations = []Configuration{
		{Kind: "Mutating", Name: "pillion", Entries: []Entry{{Name: "a"}, {Name: "b"}}},
		{Kind: "Validating", Name: "pillion", Entries: []Entry{{Name: "w"}}},
	}
	return f
}

func (f *fake) Configurations(context.Context) ([]Configuration, error) {
	f.hook("read configurations")
	var all []Configuration
	for _, c := range f.configurations {
		c.Entries = append([]Entry(nil), c.Entries...)
		c.Version = "v" + c.Version
		all = append(all, c)
	}
	return all, nil
}

func (f *fake) Secret(context.Context) (Secret, error) {
	f.hook("read secret")
	return Secret{Name: "ns/tls", Version: strconv.Itoa(f.version), Data: maps.Clone(f.data)}, nil
}

func (f *fake) Trust(_ context.Context, c Configuration, bundle []byte) error {
	return f.write("trust "+c.Kind, func() error {
		for i := range f.configurations {
			known := &f.configurations[i]
			if known.Kind != c.Kind {
				continue
			}
			if c.Version != "v"+known.Version {
				return fmt.Errorf("%s: %w", c, ErrConflict)
			}
			known.Version += "'"
			for j := range known.Entries {
				known.Entries[j].CABundle = bundle
				f.bundles = record(f.bundles, c.Kind+" "+known.Entries[j].Name, bundle)
			}
		}
		return nil
	})
}

func (f *fake) Change(_ context.Context, s Secret, keys map[string][]byte) error {
	what := "prepare"
	if keys[servedCert] != nil {
		what = "hand over"
	} else if keys[nextCert] == nil {
		what = "remove"
	}
	return f.write(what, func() error {
		if s.Version != strconv.Itoa(f.version) {
			return fmt.Errorf("secret: %w", ErrConflict)
		}
		f.version++
		for k, v := range keys {
			if v == nil {
				delete(f.data, k)
			} else {
				f.data[k] = v
			}
		}
		f.served = record(f.served, "", f.data[servedCert])
		return nil
	})
}

func (f *fake) write(what string, do func() error) error {
	f.hook(what)
	if f.writes++; f.writes > 200 {
		return errors.New("this will never end")
	}
	if f.writes == f.crashAt {
		if f.applied {
			if err := do(); err != nil {
				f.t.Fatal(err)
			}
		}
		return errCrash
	}
	err := do()
	if err == nil {
		f.log = append(f.log, what)
	}
	return err
}

func (f *fake) hook(what string) {
	if f.before != nil {
		f.before(what)
	}
}

func record(all []span, entry string, value []byte) []span {
	now := time.Now()
	for i := range all {
		if all[i].entry == entry && all[i].until.IsZero() {
			if bytes.Equal(all[i].value, value) {
				return all
			}
			all[i].until = now
		}
	}
	return append(all, span{entry, value, now, time.Time{}})
}

// check proves from what was recorded that no API server met a certificate that it did
// not trust: whatever was served up to a kubelet's delay ago is in whatever an API server
// may know. What is empty or expired fails whatever we do, and is left out.
func (f *fake) check() {
	f.t.Helper()
	for _, s := range f.served {
		for _, b := range f.bundles {
			if s.from.Before(b.end(apiServerLag)) && b.from.Before(s.end(kubeletLag)) && !bytes.Contains(b.value, s.value) {
				f.t.Errorf("a certificate served from %s to %s was not trusted by %s from %s to %s",
					s.from, s.until, b.entry, b.from, b.until)
			}
		}
	}
}

// end is when the last one stops to believe in the value, or when it expires.
func (s span) end(lag time.Duration) time.Time {
	var expires time.Time
	for _, c := range certificates(s.value, time.Time{}) {
		if c.NotAfter.After(expires) {
			expires = c.NotAfter
		}
	}
	if end := s.until.Add(lag); !s.until.IsZero() && end.Before(expires) {
		return end
	}
	return expires
}

// count is the number of certificates that each entry trusts; all must agree.
func (f *fake) count() int {
	f.t.Helper()
	first := f.configurations[0].Entries[0].CABundle
	for _, c := range f.configurations {
		for _, e := range c.Entries {
			if !bytes.Equal(e.CABundle, first) {
				f.t.Errorf("%s %s trusts other certificates than the first entry", c, e.Name)
			}
		}
	}
	n := 0
	for block, rest := pem.Decode(first); block != nil; block, rest = pem.Decode(rest) {
		n++
	}
	return n
}

// done is what was written, in short.
func (f *fake) done() string { return strings.Join(f.log, ", ") }
