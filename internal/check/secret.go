// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// pair is a certificate as the Secret has it.
type pair struct {
	secret string
	chain  []*x509.Certificate // never empty
}

// mountedSecret is the Secret of the replicas' volumes; "" if there is none, or if it is
// not known.
func (l *look) mountedSecret() string {
	if l.installed == nil || l.installed.value.deployment == nil {
		return ""
	}
	for _, v := range l.installed.value.deployment.Spec.Template.Spec.Volumes {
		if v.Secret != nil {
			return v.Secret.SecretName
		}
	}
	return ""
}

// secret looks at what the replicas are to serve. It is not always what they do serve:
// see served.
func (l *look) secret(ctx context.Context) error {
	if _, ok := l.behindService(); !ok {
		return nil
	}
	o := object{resource: "secrets", namespace: l.to.namespace, name: l.mountedSecret()}
	if o.name == "" {
		l.skip("not checked: the Deployment mounts no Secret")
		return nil
	}
	s, err := get[corev1.Secret](ctx, l.cluster, o)
	switch {
	case apierrors.IsNotFound(err):
		l.fail(fmt.Sprintf("the Secret %s, which the replicas mount, does not exist, so none starts", o.name), l.recreate(o))
		return nil
	case err != nil:
		l.notRead(o, err)
		return nil
	}
	chain, flaw := usablePair(s)
	if flaw != "" {
		l.fail(fmt.Sprintf("the Secret %s %s", o.name, flaw), l.again(o))
		return nil
	}
	l.pair = &pair{o.name, chain}
	leaf := chain[0]
	if flaw := unusable(leaf, l.to.host(), l.Now); flaw != "" {
		l.fail(fmt.Sprintf("the certificate in the Secret %s %s", o.name, flaw), l.again(o)+"; its names must have "+l.to.host())
		return nil
	}
	if expiresSoon(leaf, l.Now) {
		l.warn(fmt.Sprintf("the certificate in the Secret %s expires on %s, and has not been renewed", o.name, day(leaf.NotAfter)), l.again(o))
		return nil
	}
	l.ok("the certificate in the Secret %s is for %s, until %s", o.name, l.to.host(), day(leaf.NotAfter))
	return nil
}

// again says how to come by a new certificate. Only cert-manager makes a Secret again that
// was deleted: without it, a Secret is changed and never removed.
func (l *look) again(o object) string {
	switch {
	case l.issued != nil || l.injectedFrom() != "":
		return fmt.Sprintf("have it issued again; cert-manager does so after kubectl -n %s delete secret %s", o.namespace, o.name)
	case l.byJob():
		return "have it issued again: " + l.runJob("new-certificate") + "; do not delete the Secret, which the Job may write but not make"
	}
	return fmt.Sprintf("write a valid pair into it, and do not delete it: kubectl -n %s create secret tls %s --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -", o.namespace, o.name)
}

// recreate says who makes a Secret that is not there.
func (l *look) recreate(o object) string {
	switch {
	case l.issued != nil || l.injectedFrom() != "":
		return "cert-manager makes it; see whether it runs: kubectl get pods -A -l app=cert-manager"
	case l.byJob():
		return "apply the installation again, which has the Secret without data; then " + l.runJob("new-certificate")
	}
	return fmt.Sprintf("make it: kubectl -n %s create secret tls %s --cert=FILE --key=FILE", o.namespace, o.name)
}

// byJob reports whether a CronJob of the installation makes the certificate.
func (l *look) byJob() bool {
	return slices.ContainsFunc(l.all(), func(e entry) bool { return e.byJob })
}

// runJob has that CronJob run now.
func (l *look) runJob(name string) string {
	at := "kubectl -n " + l.to.namespace + " "
	return at + "get cronjobs; " + at + "create job " + name + " --from=cronjob/NAME"
}

// usablePair reads a Secret of type kubernetes.io/tls.
func usablePair(s *corev1.Secret) (chain []*x509.Certificate, flaw string) {
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(s.Data[key]) == 0 {
			return nil, "has no " + key
		}
	}
	if _, err := tls.X509KeyPair(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey]); err != nil {
		return nil, "holds no pair: " + err.Error()
	}
	chain, err := parsePEM(s.Data[corev1.TLSCertKey])
	if err != nil {
		return nil, "holds no chain: " + err.Error()
	}
	return chain, ""
}
