// SPDX-License-Identifier: Apache-2.0

// Package embedded proves on a real kube-apiserver that the library answers as the server
// does: mounted in a controller-runtime manager, which is examples/embedded as a process, and
// as an admission.Handler of another manager.
package embedded

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/pillion-dev/pillion/pkg/pillion"
	"github.com/pillion-dev/pillion/pkg/pillion/manager"
	"github.com/pillion-dev/pillion/test/controlplane"
)

// plane and api are set once, before any test runs.
var (
	plane *controlplane.Plane
	api   client.Client
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(controlplane.Run(controlplane.Options{Webhook: true}, func(_ context.Context, p *controlplane.Plane) int {
		plane = p
		config := p.Config()
		config.QPS = -1 // no waiting in the client
		var err error
		if api, err = client.New(config, client.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// A lane is a namespace whose new pods one of the three ways reviews.
type lane struct {
	namespace string
	webhook   string // its name in the API server's sentence of a denial
}

// port is one that was free a moment ago.
func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certificates is a CertDir as the manager's server wants it, and the CA to trust.
func certificates(t *testing.T) (dir string, ca []byte) {
	t.Helper()
	dir = t.TempDir()
	ca, err := controlplane.WriteCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, ca
}

// runExample builds examples/embedded and runs it until the test ends. It has to end with
// status 0 then.
func runExample(t *testing.T, at int, certDir string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "embedded")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./examples/embedded")
	build.Dir = plane.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var log bytes.Buffer
	cmd := exec.Command(program, certDir, strconv.Itoa(at))
	cmd.Env = append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig())
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("the example has ended before the test: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
		text := log.String()
		if !strings.Contains(text, `"msg":"reviewed"`) {
			t.Error("the example has not logged a review")
		}
		t.Logf("examples/embedded printed %d lines, which begin:\n%s", strings.Count(text, "\n"), text[:min(len(text), 2000)])
	})
}

// runManager runs a manager with an admission.Handler at /pods until the test ends.
func runManager(t *testing.T, at int, certDir string) {
	t.Helper()
	m, err := ctrl.NewManager(plane.Config(), ctrl.Options{
		Metrics:       metrics.Options{BindAddress: "0"},
		WebhookServer: webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: at, CertDir: certDir}),
	})
	if err != nil {
		t.Fatal(err)
	}
	m.GetWebhookServer().Register("/pods", &webhook.Admission{Handler: manager.Handler(pillion.Options{}, pillion.Builtin())})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// reserve leaves the server's webhooks the namespace of its lane alone, and returns the one
// that reviews new pods under the built-in policy.
func reserve(t *testing.T, namespace string) *admissionregistrationv1.MutatingWebhook {
	t.Helper()
	var all admissionregistrationv1.MutatingWebhookConfigurationList
	if err := api.List(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var found *admissionregistrationv1.MutatingWebhook
	for i := range all.Items {
		for j := range all.Items[i].Webhooks {
			w := &all.Items[i].Webhooks[j]
			if found == nil && strings.HasSuffix(*w.ClientConfig.URL, "/inject/default") { // the one for namespaces without the label
				found = w.DeepCopy()
			}
			w.NamespaceSelector.MatchExpressions = append(w.NamespaceSelector.MatchExpressions, only(namespace))
		}
		if err := api.Update(t.Context(), &all.Items[i]); err != nil {
			t.Fatal(err)
		}
	}
	if found == nil {
		t.Fatal("config/webhook has no webhook at /inject/default")
	}
	return found
}

func only(namespace string) metav1.LabelSelectorRequirement {
	return metav1.LabelSelectorRequirement{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{namespace}}
}

// open makes a lane: a webhook like the server's, for one namespace, at another address.
func open(t *testing.T, like *admissionregistrationv1.MutatingWebhook, namespace, path string, at int, ca []byte) lane {
	t.Helper()
	w := like.DeepCopy()
	w.Name = namespace + ".pillion.dev"
	w.NamespaceSelector.MatchExpressions = append(w.NamespaceSelector.MatchExpressions, only(namespace))
	w.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: new(fmt.Sprintf("https://127.0.0.1:%d%s", at, path)), CABundle: ca}
	// The API server asks in the order of names, so a denial by this one shows that those of
	// config/webhook have left the namespace.
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "zz-" + namespace},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{*w},
	}
	if err := api.Create(t.Context(), configuration); err != nil {
		t.Fatal(err)
	}
	return lane{namespace, w.Name}
}

// await returns when the lane's webhook is the one that denies a pod there.
func (l lane) await(t *testing.T) {
	t.Helper()
	const patience = 3 * time.Minute
	probe := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"probe","annotations":{"probe.pillion.dev/in-force":""}},"spec":{"containers":[{"name":"probe","image":"probe"}]}}`
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if _, err = l.create(t.Context(), []byte(probe)); err != nil && strings.HasPrefix(err.Error(), l.denies()) {
			return
		}
	}
	t.Fatalf("%s does not review the pods of %s after %s: %v", l.webhook, l.namespace, patience, err)
}

func (l lane) denies() string {
	return fmt.Sprintf("admission webhook %q denied the request: ", l.webhook)
}

// create makes a pod without keeping it, and returns what would have been kept.
func (l lane) create(ctx context.Context, pod []byte) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(pod); err != nil {
		return nil, err
	}
	object.SetNamespace(l.namespace)
	// With a token, the API server adds a volume of a random name.
	if err := unstructured.SetNestedField(object.Object, false, "spec", "automountServiceAccountToken"); err != nil {
		return nil, err
	}
	return object, api.Create(ctx, object, client.DryRunAll)
}
