// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const failuresSeries = "pillion_certificate_reload_failures_total"

// followed is a Certificates whose polls the test makes itself.
type followed struct {
	*Certificates
	dir     string
	log     *journal
	metrics *Metrics
}

func follow(t *testing.T, names ...string) followed {
	t.Helper()
	f := followed{dir: t.TempDir(), log: &journal{}, metrics: NewMetrics("test")}
	f.Certificates = NewCertificates(CertificateOptions{Dir: f.dir, DNSNames: names, Log: f.log.logger(), Metrics: f.metrics})
	return f
}

// serves fails the test unless the pair in use is want.
func (f followed) serves(t *testing.T, want issued) {
	t.Helper()
	got, err := f.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if serial := got.Leaf.SerialNumber.String(); serial != want.serial {
		t.Errorf("serves certificate %s, want %s", serial, want.serial)
	}
}

func (f followed) failures(t *testing.T) int { return int(sample(t, f.metrics, failuresSeries)) }

func TestCertificateIsFollowed(t *testing.T) {
	t.Parallel()

	t.Run("plain files that change are served", func(t *testing.T) {
		t.Parallel()
		f, old, renewed := follow(t), issue(t), issue(t)
		old.writeTo(t, f.dir)
		f.poll()
		f.serves(t, old)
		renewed.writeTo(t, f.dir)
		f.poll()
		f.serves(t, renewed)
		if f.failures(t) != 0 || f.log.lines() != 2 {
			t.Errorf("%d failures, log:\n%s\nwant none, and one line for each change", f.failures(t), f.log)
		}
	})

	t.Run("a mounted Secret that changes is served", func(t *testing.T) {
		t.Parallel()
		f, old, renewed := follow(t), issue(t), issue(t)
		before := old.mount(t, f.dir)
		f.poll()
		f.serves(t, old)
		renewed.mount(t, f.dir)
		if err := os.RemoveAll(before); err != nil {
			t.Fatal(err)
		}
		f.poll()
		f.serves(t, renewed)
		if f.failures(t) != 0 {
			t.Errorf("%d failures, want none; log:\n%s", f.failures(t), f.log)
		}
	})

	t.Run("files that stay the same are not a change", func(t *testing.T) {
		t.Parallel()
		f := follow(t)
		issue(t).writeTo(t, f.dir)
		for range 3 {
			f.poll()
		}
		if f.log.lines() != 1 {
			t.Errorf("want one line, log:\n%s", f.log)
		}
	})

	t.Run("the gauges show from when until when the certificate in use is valid", func(t *testing.T) {
		t.Parallel()
		f := follow(t)
		if got := sample(t, f.metrics, "pillion_certificate_not_after_seconds"); got != 0 {
			t.Errorf("%v before a certificate is loaded, want 0", got)
		}
		begin, end := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(time.Hour).Truncate(time.Second)
		issue(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begin, end }).writeTo(t, f.dir)
		f.poll()
		if got := sample(t, f.metrics, "pillion_certificate_not_before_seconds"); got != float64(begin.Unix()) {
			t.Errorf("not before %v, want %v", got, begin.Unix())
		}
		if got := sample(t, f.metrics, "pillion_certificate_not_after_seconds"); got != float64(end.Unix()) {
			t.Errorf("%v, want %v", got, end.Unix())
		}
	})
}

func TestTornPair(t *testing.T) {
	t.Parallel()

	t.Run("both files of a mounted Secret are read through ..data", func(t *testing.T) {
		t.Parallel()
		f, mounted, stray := follow(t), issue(t), issue(t)
		mounted.mount(t, f.dir)
		// What a reader of dir/tls.crt sees when ..data moves between two reads.
		if err := os.Remove(filepath.Join(f.dir, certificateFile)); err != nil {
			t.Fatal(err)
		}
		write(t, f.dir, certificateFile, stray.crt)
		f.poll()
		f.serves(t, mounted)
	})

	t.Run("a Secret that is swapped all the time is never read torn", func(t *testing.T) {
		t.Parallel()
		f := follow(t)
		pairs := []issued{issue(t), issue(t)}
		pairs[0].mount(t, f.dir)
		var swapping sync.WaitGroup
		swapping.Go(func() {
			for i := range 200 {
				pairs[i%2].mount(t, f.dir)
			}
		})
		for range 200 {
			f.poll()
		}
		swapping.Wait()
		if f.failures(t) != 0 {
			t.Errorf("%d failures, want none; log:\n%s", f.failures(t), f.log)
		}
	})

	t.Run("a torn pair of plain files is never served", func(t *testing.T) {
		t.Parallel()
		f, old, renewed := follow(t), issue(t), issue(t)
		old.writeTo(t, f.dir)
		f.poll()
		write(t, f.dir, certificateFile, renewed.crt)
		f.poll()
		f.serves(t, old)
		write(t, f.dir, keyFile, renewed.key)
		f.poll()
		f.serves(t, renewed)
	})
}

func TestBadCertificate(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-24 * time.Hour)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		says  string
	}{
		"a key of another pair": {
			func(t *testing.T, dir string) { write(t, dir, keyFile, issue(t).key) },
			"tls.crt and tls.key are not a pair",
		},
		"an expired certificate": {
			func(t *testing.T, dir string) {
				issue(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = long, long.Add(time.Hour) }).writeTo(t, dir)
			},
			"tls.crt expired at " + long.Add(time.Hour).UTC().Format(time.RFC3339),
		},
		"a certificate of the future": {
			func(t *testing.T, dir string) {
				issue(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }).writeTo(t, dir)
			},
			"tls.crt is not valid before ",
		},
		"a certificate for another name": {
			func(t *testing.T, dir string) {
				issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"other.svc"} }).writeTo(t, dir)
			},
			"tls.crt does not cover the expected name " + serviceName,
		},
		"garbage in tls.crt": {
			func(t *testing.T, dir string) { write(t, dir, certificateFile, []byte("garbage")) },
			"not a pair",
		},
		"an empty tls.key": {
			func(t *testing.T, dir string) { write(t, dir, keyFile, nil) },
			"not a pair",
		},
		"a chain that is cut off": {
			func(t *testing.T, dir string) {
				i := issue(t)
				i.writeTo(t, dir)
				chain := bytes.Join([][]byte{i.crt, i.crt}, nil)
				write(t, dir, certificateFile, chain[:len(chain)-30])
			},
			"tls.crt ends inside a PEM block",
		},
		"a deleted tls.crt": {
			func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, certificateFile)); err != nil {
					t.Fatal(err)
				}
			},
			"tls.crt: no such file or directory",
		},
		"a directory that is gone": {
			func(t *testing.T, dir string) {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			},
			"tls.crt: no such file or directory",
		},
	} {
		t.Run(name+" leaves the good one in use until it is repaired", func(t *testing.T) {
			t.Parallel()
			f, good, repaired := follow(t, serviceName), issue(t), issue(t)
			good.writeTo(t, f.dir)
			f.poll()
			before := f.log.lines()

			c.spoil(t, f.dir)
			f.poll()
			f.poll()
			f.serves(t, good)
			if f.failures(t) != 2 || f.log.lines() != before+1 {
				t.Errorf("%d failures, want one for each poll; want one line, log:\n%s", f.failures(t), f.log)
			}
			if !strings.Contains(f.log.String(), c.says) || !strings.Contains(f.log.String(), f.dir) {
				t.Errorf("the log does not say %q and where:\n%s", c.says, f.log)
			}
			if err := f.Check(); err != nil {
				t.Errorf("Check() = %q while the certificate in use is good, want nil", err)
			}

			if err := os.MkdirAll(f.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			repaired.writeTo(t, f.dir)
			f.poll()
			f.serves(t, repaired)
		})
	}

	t.Run("the same certificate back in place is worth a line", func(t *testing.T) {
		t.Parallel()
		f, good := follow(t), issue(t)
		good.writeTo(t, f.dir)
		f.poll()
		write(t, f.dir, keyFile, nil)
		f.poll()
		good.writeTo(t, f.dir)
		f.poll()
		f.poll()
		f.serves(t, good)
		if f.log.lines() != 3 || !strings.Contains(f.log.String(), "holds the certificate in use again") {
			t.Errorf("want three lines and the recovery, log:\n%s", f.log)
		}
	})

	t.Run("a certificate that expires while in use fails the check", func(t *testing.T) {
		t.Parallel()
		f, good := follow(t), issue(t)
		good.writeTo(t, f.dir)
		f.poll()
		f.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		f.poll()
		f.serves(t, good) // an expired certificate explains itself better than a rejected handshake
		if err := f.Check(); err == nil || !strings.HasPrefix(err.Error(), "the certificate in use expired at ") {
			t.Errorf("Check() = %v, want that it expired", err)
		}
		if f.failures(t) != 1 {
			t.Errorf("%d failures, want 1", f.failures(t))
		}
	})
}

func TestNoCertificateYet(t *testing.T) {
	t.Parallel()

	t.Run("missing files are waited for and are no failure", func(t *testing.T) {
		t.Parallel()
		f, first := follow(t), issue(t)
		f.poll()
		f.poll()
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), "waiting for a certificate: certificate directory "+f.dir) {
			t.Errorf("Check() = %v, want what is waited for", err)
		}
		if _, err := f.GetCertificate(nil); err == nil {
			t.Error("GetCertificate gave a certificate from nowhere")
		}
		if f.failures(t) != 0 || f.log.lines() != 1 {
			t.Errorf("%d failures, want none; want one line, log:\n%s", f.failures(t), f.log)
		}
		select {
		case <-f.Loaded():
			t.Error("Loaded is closed, but nothing is loaded")
		default:
		}
		first.writeTo(t, f.dir)
		f.poll()
		f.serves(t, first)
		<-f.Loaded()
	})

	t.Run("a bad first certificate is a failure", func(t *testing.T) {
		t.Parallel()
		f := follow(t)
		issue(t).writeTo(t, f.dir)
		write(t, f.dir, keyFile, issue(t).key)
		f.poll()
		if f.failures(t) != 1 || f.Check() == nil {
			t.Errorf("%d failures, Check() = %v, want 1 and an error", f.failures(t), f.Check())
		}
	})

	t.Run("the check before the first poll says so", func(t *testing.T) {
		t.Parallel()
		const want = "waiting for a certificate: not checked yet"
		if err := follow(t).Check(); err == nil || err.Error() != want {
			t.Errorf("Check() = %v, want %q", err, want)
		}
	})
}
