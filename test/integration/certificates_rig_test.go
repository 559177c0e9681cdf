// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/cmd/certificates/kube"
	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/renewal"
	"github.com/pillion-dev/pillion/internal/server"
)

// certPolicy is the policy of these tests' webhook. Pods there are seen by the main webhook
// too, so it is by the name in their status that one tells who injected them.
const certPolicy = "certificates"

// An installation is a Secret, a configuration with two entries, and replicas that serve
// what their kubelets bring them.
type installation struct {
	*testing.T
	configuration string
	ns            string // whose pods reach the first entry
	cluster       *kube.Cluster
	secret        string
	replicas      []*replica
	address       net.Addr
	apply         []string // flags of kubectl apply
}

// install makes one, in which nobody trusts anybody yet.
func install(t *testing.T, name string, delays ...time.Duration) *installation {
	t.Helper()
	in := &installation{
		T: t, configuration: "pillion-cert-" + name, secret: "cert-" + name,
		apply: []string{"--server-side", "--field-manager=helm"},
	}
	in.ns = newNamespace(t, map[string]string{"certificates": name})
	in.empty()
	var err error
	in.cluster, err = kube.New(plane.Config(), kube.Objects{Namespace: in.ns, Secret: in.secret, Mutating: []string{in.configuration}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	in.serve(listener, delays)
	in.entries("a", "b")
	t.Cleanup(func() {
		if err := clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Delete(context.Background(), in.configuration, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return in
}

// empty applies the Secret, without data.
func (in *installation) empty() {
	in.Helper()
	in.applied("v1", "Secret", fmt.Sprintf(`"metadata": {"name": %q, "namespace": %q}, "type": "Opaque"`, in.secret, in.ns))
}

// applied applies an object.
func (in *installation) applied(version, kind, rest string) {
	in.Helper()
	manifest := fmt.Sprintf(`{"apiVersion": %q, "kind": %q, %s}`, version, kind, rest)
	if _, _, err := plane.Kubectl(in.Context(), manifest, append([]string{"apply", "-f", "-"}, in.apply...)...); err != nil {
		in.Fatal(err)
	}
}

// entries applies the configuration with entries of these names; the first one sees pods.
func (in *installation) entries(names ...string) {
	in.Helper()
	var all []string
	for i, name := range names {
		all = append(all, fmt.Sprintf(`{"name": "%s.%s.pillion.dev", "clientConfig": {"url": "https://localhost:%d/inject/certificates"},
			"namespaceSelector": {"matchLabels": {"certificates": %q}}, "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
			"failurePolicy": "Fail", "reinvocationPolicy": "IfNeeded", "sideEffects": "None", "timeoutSeconds": 5, "admissionReviewVersions": ["v1"]}`,
			name, in.configuration, in.address.(*net.TCPAddr).Port, []string{strings.TrimPrefix(in.configuration, "pillion-cert-"), "nobody"}[min(i, 1)]))
	}
	in.applied("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration",
		fmt.Sprintf(`"metadata": {"name": %q}, "webhooks": [%s]`, in.configuration, strings.Join(all, ", ")))
}

func (in *installation) options() renewal.Options {
	return renewal.Options{
		Cluster: in.cluster, Names: []string{"localhost"}, Validity: 90 * 24 * time.Hour,
		Settle: 3 * time.Second, Overlap: time.Hour, Log: slog.New(slog.NewTextHandler(in.Output(), nil)),
	}
}

// run brings everything into order.
func (in *installation) run(change func(*renewal.Options)) {
	in.Helper()
	o := in.options()
	if change != nil {
		change(&o)
	}
	if err := renewal.Run(in.Context(), o); err != nil {
		in.Fatal(err)
	}
}

// ask asks for a renewal, as the documentation says.
func (in *installation) ask() {
	in.Helper()
	if _, _, err := plane.Kubectl(in.Context(), "", "patch", "secret", "-n", in.ns, in.secret, "-p", `{"stringData": {"renew": "now"}}`); err != nil {
		in.Fatal(err)
	}
}

// trusted is the number of certificates in each entry's caBundle.
func (in *installation) trusted() []int {
	in.Helper()
	c, err := clients.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(in.Context(), in.configuration, metav1.GetOptions{})
	if err != nil {
		in.Fatal(err)
	}
	var all []int
	for _, w := range c.Webhooks {
		all = append(all, bytes.Count(w.ClientConfig.CABundle, []byte("BEGIN CERTIFICATE")))
	}
	return all
}

// A replica is the webhook with the certificate directory of a pod.
type replica struct {
	dir          string
	certificates *server.Certificates
	delay        time.Duration
}

// serve answers each connection by the next replica, and never twice on the same one.
func (in *installation) serve(listener net.Listener, delays []time.Duration) {
	in.Helper()
	for i, delay := range delays {
		r := &replica{dir: in.TempDir(), delay: delay}
		r.certificates = server.NewCertificates(server.CertificateOptions{
			Dir: r.dir, DNSNames: []string{"localhost"}, Poll: 50 * time.Millisecond,
			Log: slog.New(slog.NewTextHandler(in.Output(), nil)).With("replica", i), Metrics: server.NewMetrics("test"),
		})
		in.replicas = append(in.replicas, r)
		in.background(r.certificates.Run)
		in.background(func(ctx context.Context) { r.follow(ctx, in.ns, in.secret) })
	}
	p := *policy.Builtin()
	p.Name = certPolicy
	s := &http.Server{
		Handler:  admission.NewHandler(admission.Options{Policies: map[string]*inject.Policy{certPolicy: &p}}),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // failed handshakes are the API server's to tell
	}
	s.SetKeepAlivesEnabled(false)
	in.Cleanup(func() { s.Close() })
	go s.Serve(&turns{Listener: listener, replicas: in.replicas})
	in.address = listener.Addr()
}

// background runs something until the test ends.
func (in *installation) background(do func(context.Context)) {
	ctx, cancel := context.WithCancel(in.Context())
	done := make(chan struct{})
	go func() { defer close(done); do(ctx) }()
	in.Cleanup(func() { cancel(); <-done })
}

// follow brings the Secret's tls.crt and tls.key into the directory as a kubelet does:
// late, and with one swap of a link.
func (r *replica) follow(ctx context.Context, ns, secret string) {
	brought := ""
	for n := 0; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		s, err := clients.CoreV1().Secrets(ns).Get(ctx, secret, metav1.GetOptions{})
		if err != nil || len(s.Data["tls.crt"]) == 0 || string(s.Data["tls.crt"]) == brought {
			continue
		}
		if brought != "" {
			time.Sleep(r.delay)
		}
		n++
		version := filepath.Join(r.dir, fmt.Sprintf("..%d", n))
		link := filepath.Join(r.dir, "..data_tmp")
		if err := errors.Join(
			os.Mkdir(version, 0o700),
			os.WriteFile(filepath.Join(version, "tls.crt"), s.Data["tls.crt"], 0o600),
			os.WriteFile(filepath.Join(version, "tls.key"), s.Data["tls.key"], 0o600),
			os.Symlink(filepath.Base(version), link),
			os.Rename(link, filepath.Join(r.dir, "..data")),
		); err != nil {
			panic(err)
		}
		brought = string(s.Data["tls.crt"])
	}
}

// awaitServed waits until each replica serves what is in the Secret.
func (in *installation) awaitServed() {
	in.Helper()
	await(in.T, "both replicas to serve the Secret's certificate", func() bool {
		s, err := clients.CoreV1().Secrets(in.ns).Get(in.Context(), in.secret, metav1.GetOptions{})
		if err != nil {
			in.Fatal(err)
		}
		for _, r := range in.replicas {
			data, err := os.ReadFile(filepath.Join(r.dir, "..data", "tls.crt"))
			if err != nil || !bytes.Equal(data, s.Data["tls.crt"]) || r.certificates.Check() != nil {
				return false
			}
		}
		return true
	})
}

func (in *installation) awaitInjection() {
	in.Helper()
	in.awaitServed()
	await(in.T, "a pod to be injected", func() bool {
		p, err := dryRun(in.T, in.ns)
		return err == nil && injectedHere(p)
	})
}

func injectedHere(p *corev1.Pod) bool {
	return strings.Contains(p.Annotations["pillion.dev/status"], fmt.Sprintf(`"policy":%q`, certPolicy))
}

// load creates pods, as dry runs, without a pause until stop is called, which tells how
// many were created, how many of them got no helper, and the errors.
func (in *installation) load() (stop func() (created, bare int, errs map[string]int)) {
	ctx, cancel := context.WithCancel(in.Context())
	var all sync.WaitGroup
	var mu sync.Mutex
	created, bare, errs := 0, 0, map[string]int{}
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				p, err := clients.CoreV1().Pods(in.ns).Create(in.Context(), pod("web", asking()), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
				mu.Lock()
				if created++; err != nil {
					errs[err.Error()]++
				} else if !injectedHere(p) {
					bare++
				}
				mu.Unlock()
			}
		})
	}
	return func() (int, int, map[string]int) {
		cancel()
		all.Wait()
		return created, bare, errs
	}
}

// turns gives each connection to the next replica.
type turns struct {
	net.Listener
	replicas []*replica
	next     int
}

func (l *turns) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.next++
	return tls.Server(c, &tls.Config{GetCertificate: l.replicas[l.next%len(l.replicas)].certificates.GetCertificate}), nil
}
