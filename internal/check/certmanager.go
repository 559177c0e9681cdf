// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pillion-dev/pillion/internal/certs"
)

// A renewal that is late by this much will not come by itself: cert-manager renews within
// seconds of the time that it set.
const lateRenewal = time.Hour

// certManager follows the certificate to where it comes from, and reports the first cause
// first. An installation without cert-manager is as good.
func (l *look) certManager(ctx context.Context) error {
	from := l.injectedFrom()
	all := object{group: certs.Group, resource: "certificates", namespace: l.to.namespace}
	if from == "" && l.to.url != "" {
		l.ok("not used")
		return nil
	}
	if from != "" {
		namespace, name, found := strings.Cut(from, "/")
		if !found {
			l.fail(fmt.Sprintf("the annotation %s is %q, which names no Certificate", certs.InjectFromCertificate, from), "set it to NAMESPACE/NAME of the Certificate")
			return nil
		}
		all.namespace, all.name = namespace, name
	}
	found, err := l.listCertificates(ctx, all.namespace)
	switch {
	case apierrors.IsNotFound(err) && from != "":
		l.unfilled(fmt.Sprintf("the annotation %s wants cert-manager, which this cluster does not have", certs.InjectFromCertificate), "install cert-manager; or take the annotation away, if something else writes caBundle")
		return nil
	case apierrors.IsNotFound(err):
		l.ok("not used: it is not in this cluster")
		return nil
	case err != nil:
		l.notRead(object{group: all.group, resource: all.resource, namespace: all.namespace}, err)
		return nil
	}
	walk := chainWalk{look: l, certificates: found}
	for _, c := range found {
		if c.Name != all.name && (all.name != "" || c.Secret == "" || c.Secret != l.mountedSecret()) {
			continue
		}
		l.issued = c
		if walk.certificate(ctx, c, 0) {
			l.renewal(c)
		}
		return nil
	}
	if from != "" {
		l.unfilled(fmt.Sprintf("the annotation %s names the Certificate %s, which does not exist", certs.InjectFromCertificate, from), "make the Certificate, or name the one that writes the Secret of the replicas")
		return nil
	}
	l.ok("not used: no Certificate writes the Secret of the replicas")
	return nil
}

// unfilled reports that nobody writes caBundle. As long as it holds something, that may go
// well until a new authority comes.
func (l *look) unfilled(message, remedy string) {
	for _, e := range l.all() {
		if len(e.ClientConfig.CABundle) == 0 {
			l.fail(message, remedy)
			return
		}
	}
	l.warn(message+", so nothing keeps caBundle right", remedy)
}

// injectedFrom is what the annotation of a configuration says; "" without one.
func (l *look) injectedFrom() string {
	for _, e := range l.all() {
		if e.injectFrom != "" {
			return e.injectFrom
		}
	}
	return ""
}

func (l *look) listCertificates(ctx context.Context, namespace string) ([]*certs.Certificate, error) {
	var all []*certs.Certificate
	err := l.cluster.List(ctx, object{group: certs.Group, resource: "certificates", namespace: namespace}.path(), func(raw json.RawMessage) error {
		c, err := certs.ReadCertificate(raw)
		all = append(all, c)
		return err
	})
	return all, err
}

// renewal looks at a certificate that is issued.
func (l *look) renewal(c *certs.Certificate) {
	name := c.Namespace + "/" + c.Name
	describe := fmt.Sprintf("kubectl -n %s describe certificate,certificaterequest", c.Namespace)
	switch {
	case c.Attempts > 0:
		l.warn(fmt.Sprintf("the Certificate %s is issued, and reissuing it has failed %d times: %s", name, c.Attempts, c.Trouble), describe)
	case !c.Renewal.IsZero() && l.Now.After(c.Renewal.Add(lateRenewal)):
		l.warn(fmt.Sprintf("the Certificate %s should have been renewed on %s", name, day(c.Renewal)), "see whether cert-manager runs: kubectl get pods -A -l app=cert-manager")
	case c.Renewal.IsZero():
		l.ok("the Certificate %s is issued", name)
	default:
		l.ok("the Certificate %s is issued, and will be renewed on %s", name, day(c.Renewal))
	}
}

// chainWalk goes from a certificate to its issuer, and from an issuer to the certificate
// that is its authority.
type chainWalk struct {
	*look
	certificates []*certs.Certificate // of the namespace
}

// deepest ends the walk where somebody has made a circle.
const deepest = 5

// certificate reports what is wrong with a certificate, after what is wrong with its
// issuer. It returns whether all is well.
func (w chainWalk) certificate(ctx context.Context, c *certs.Certificate, depth int) bool {
	sound := w.issuer(ctx, c, depth)
	if c.Ready.True {
		return sound
	}
	message := fmt.Sprintf("the Certificate %s/%s is not ready: %s", c.Namespace, c.Name, said(c.Ready))
	remedy := fmt.Sprintf("kubectl -n %s describe certificate,certificaterequest", c.Namespace)
	if !sound {
		message, remedy = message+" (because of its issuer, above)", ""
	}
	w.fail(message, remedy)
	return false
}

func (w chainWalk) issuer(ctx context.Context, c *certs.Certificate, depth int) bool {
	resource, namespaced, known := c.Issuer.Resource()
	name := c.Issuer.Kind + " " + c.Issuer.Name
	if !known {
		w.skip(fmt.Sprintf("the %s of the Certificate %s is of the group %s, which is not known here", name, c.Name, c.Issuer.Group))
		return true
	}
	o := object{group: certs.Group, resource: resource, name: c.Issuer.Name}
	if namespaced {
		o.namespace = c.Namespace
	}
	raw, err := get[json.RawMessage](ctx, w.cluster, o)
	if apierrors.IsNotFound(err) {
		w.fail(fmt.Sprintf("the Certificate %s/%s is to be issued by the %s, which does not exist", c.Namespace, c.Name, name), "make it, or put issuerRef of the Certificate right")
		return false
	}
	if err != nil {
		w.notRead(o, err)
		return true
	}
	i, err := certs.ReadIssuer(*raw)
	if err != nil {
		w.unseen("not checked: " + err.Error())
		return true
	}
	sound := w.authority(ctx, i, namespaced, depth)
	if i.Ready.True {
		return sound
	}
	message := fmt.Sprintf("the %s is not ready: %s", name, said(i.Ready))
	if sound {
		w.fail(message, "kubectl describe "+strings.TrimSuffix(resource, "s")+" "+c.Issuer.Name+namespaceFlag(o.namespace))
	} else {
		w.fail(message+" (because of its authority, above)", "")
	}
	return false
}

// authority follows an issuer that signs with a Secret of its namespace to the
// Certificate that writes it. A ClusterIssuer's Secret lies where cert-manager runs.
func (w chainWalk) authority(ctx context.Context, i *certs.Issuer, namespaced bool, depth int) bool {
	if i.Secret == "" || !namespaced || depth == deepest {
		return true
	}
	for _, c := range w.certificates {
		if c.Secret == i.Secret {
			return w.certificate(ctx, c, depth+1)
		}
	}
	return true
}

func said(c certs.Condition) string {
	if !c.Known {
		return "cert-manager has said nothing about it yet; is it running? (kubectl get pods -A -l app=cert-manager)"
	}
	return c.Reason + ": " + strings.TrimSuffix(c.Message, ".")
}

func namespaceFlag(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -n " + namespace
}
