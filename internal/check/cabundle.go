// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// all are the entries of both kinds that call the installation.
func (l *look) all() []entry {
	return slices.DeleteFunc(slices.Concat(l.entriesOf, l.warnOf), func(e entry) bool { return e.to != l.to })
}

// caBundle looks at what the API server trusts. Each entry has a copy of its own. More than
// one authority is fine: that is how an authority is replaced.
func (l *look) caBundle(context.Context) error {
	byBundle := map[string][]string{} // names of entries
	var order []string
	for _, e := range l.all() {
		bundle := string(e.ClientConfig.CABundle)
		if byBundle[bundle] == nil {
			order = append(order, bundle)
		}
		byBundle[bundle] = append(byBundle[bundle], e.Name)
	}
	before, authorities := len(l.results), 0
	for _, bundle := range order {
		where := and(byBundle[bundle])
		if len(order) == 1 {
			where = "all entries of " + and(l.configurations())
		}
		found, err := parsePEM([]byte(bundle))
		authorities = max(authorities, len(found))
		switch {
		case bundle == "" && l.to.url != "": // the API server takes the authorities of its machine
		case bundle == "":
			l.fail("caBundle is empty in "+where+", so the API server trusts no certificate of Pillion", l.fillIn())
		case err != nil || len(found) == 0:
			l.fail("caBundle holds no certificate in "+where, l.fillIn())
		case l.pair == nil:
		default:
			if why := distrust(l.pair.chain, found, l.Now); why != "" {
				l.fail(fmt.Sprintf("caBundle in %s does not fit the certificate in the Secret %s: %s", where, l.pair.secret, why), l.fillIn())
			}
		}
	}
	if len(l.results) > before {
		return nil
	}
	switch {
	case authorities == 0:
		l.ok("empty: the API server trusts the authorities of its own machine")
	case l.pair == nil:
		l.ok("not empty; whether it fits is not known without the Secret's certificate")
	case authorities == 1:
		l.ok("it is the authority of the certificate in the Secret %s", l.pair.secret)
	default:
		l.ok("one of its %d authorities is that of the certificate in the Secret %s", authorities, l.pair.secret)
	}
	return nil
}

// fillIn says who is to write caBundle.
func (l *look) fillIn() string {
	for _, e := range l.all() {
		if e.injectFrom != "" || e.injectSecret != "" {
			return "cert-manager's cainjector writes it; see whether it runs: kubectl get pods -A -l app=cainjector"
		}
		if e.byJob {
			return "the CronJob of the certificates writes it; have it run now: " + l.runJob("ca-bundle")
		}
	}
	return "write the authority's certificate into it, or have cert-manager do so: kubectl annotate " + strings.Join(l.configurations(), " ") + " cert-manager.io/inject-ca-from=NAMESPACE/CERTIFICATE"
}

// configurations are those of the installation, as kubectl's arguments.
func (l *look) configurations() []string {
	var names []string
	for _, e := range l.all() {
		if name := e.kind + "/" + e.configuration; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// trusted are the authorities of an entry.
func trusted(e *entry) []*x509.Certificate {
	found, err := parsePEM(e.ClientConfig.CABundle)
	if err != nil {
		return nil // said already
	}
	return found
}
