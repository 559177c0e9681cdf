// SPDX-License-Identifier: Apache-2.0

package check

import (
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnusable(t *testing.T) {
	t.Parallel()
	ca := (*signer)(nil).sign(t, "ca", days(-9), days(900))
	for name, c := range map[string]struct {
		leaf *signer
		want string
	}{
		"good":               {ca.sign(t, host, days(-9), days(9)), ""},
		"expired":            {ca.sign(t, host, days(-9), days(-1)), "expired on 2026-05-31 00:00 UTC"},
		"of tomorrow":        {ca.sign(t, host, days(1), days(9)), "is not valid before 2026-06-02 00:00 UTC"},
		"for another":        {ca.sign(t, "web.shop.svc", days(-9), days(9)), "is for web.shop.svc, and not for " + host},
		"without any name":   {(*signer)(nil).sign(t, host, days(-9), days(9)), "is for no name, and not for " + host},
		"on its last second": {ca.sign(t, host, days(-9), days(0)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, unusable(c.leaf.cert, host, now())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestExpiresSoon(t *testing.T) {
	t.Parallel()
	ca := (*signer)(nil).sign(t, "ca", days(-9), days(900))
	if expiresSoon(ca.sign(t, host, days(-75), days(15)).cert, now()) {
		t.Error("with a sixth of its life left, a renewal can still come")
	}
	if !expiresSoon(ca.sign(t, host, days(-76), days(14)).cert, now()) {
		t.Error("with less, it should have come")
	}
}

func TestDistrust(t *testing.T) {
	t.Parallel()
	ca, next, same := (*signer)(nil).sign(t, "ca", days(-9), days(900)), (*signer)(nil).sign(t, "ca 2", days(-9), days(900)), (*signer)(nil).sign(t, "ca", days(-9), days(900))
	old := (*signer)(nil).sign(t, "old ca", days(-90), days(-1))
	for name, c := range map[string]struct {
		leaf        *signer
		authorities []*signer
		want        string
	}{
		"its authority":                      {ca.sign(t, host, days(-1), days(9)), []*signer{ca}, ""},
		"one of two, during a roll":          {ca.sign(t, host, days(-1), days(9)), []*signer{next, ca}, ""},
		"an expired leaf is another matter":  {ca.sign(t, host, days(-8), days(-2)), []*signer{ca}, ""},
		"another authority":                  {ca.sign(t, host, days(-1), days(9)), []*signer{next}, `it was issued by "CN=ca", and the authorities are "CN=ca 2"`},
		"another authority of the same name": {ca.sign(t, host, days(-1), days(9)), []*signer{same}, `it was issued by "CN=ca", and the authorities are "CN=ca"`},
		"an authority that has expired": {
			old.sign(t, host, days(-1), days(9)),
			[]*signer{old},
			"certificate has expired or is not yet valid: current time 2026-06-01T00:00:00Z is after 2026-05-31T00:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var authorities []*x509.Certificate
			for _, a := range c.authorities {
				authorities = append(authorities, a.cert)
			}
			if diff := cmp.Diff(c.want, distrust([]*x509.Certificate{c.leaf.cert}, authorities, now())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
