// SPDX-License-Identifier: Apache-2.0

// Package e2e tells stories on a cluster with real kubelets: `make e2e` starts one on
// this machine. Any other does as well, kind for instance. It needs
//
//   - Kubernetes 1.30 or newer, and the rights of an administrator,
//   - kubectl on the PATH,
//   - on its nodes, the images that `make e2e-images` writes to bin/images.
//
// It is named by E2E_KUBECONFIG, an absolute path, and no other variable matters:
//
//	make e2e-images
//	for image in bin/images/pillion-*.tar; do kind load image-archive $image; done
//	kind get kubeconfig >/tmp/kind && E2E_KUBECONFIG=/tmp/kind go test -count=1 -v -timeout 60m ./test/e2e/
//
// The webhook is installed into the namespace pillion-system and stays there; each
// story has a namespace of its own, which is deleted at its end.
package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv("E2E_KUBECONFIG") == "" {
		fmt.Println("e2e: E2E_KUBECONFIG names no cluster, so no story is told; run `make e2e`")
		return
	}
	if _, err := exec.LookPath("kubectl"); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: there is no kubectl on the PATH; install one, or use the one that is built here: PATH=$PATH:$(go -C test/cluster run . node)")
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	if err := install(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: installing the webhook:", err)
		os.Exit(1)
	}
	cancel()
	os.Exit(m.Run())
}

// kubectl runs the real one. A failed run's error is what a user would have read.
func kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	out, _, err := kubectlWarned(ctx, stdin, args...)
	return out, err
}

// kubectlWarned is kubectl with what it says on the standard error output.
func kubectlWarned(ctx context.Context, stdin string, args ...string) (out, said string, err error) {
	cmd := exec.CommandContext(ctx, "kubectl", append([]string{"--kubeconfig=" + os.Getenv("E2E_KUBECONFIG")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), stderr.String(), err
}

// install puts config/webhook into the cluster, and waits until pods go through it.
// What an earlier run installed is used again, so that a second run on the same
// cluster does not wait until the kubelet has carried a new certificate to the pods.
func install(ctx context.Context) error {
	cert, key, err := servingPair(ctx)
	if err != nil {
		return err
	}
	// After a run without images, pods would wait out their back-off although there are images now.
	if _, err := kubectl(ctx, "", "delete", "pods", "-n", namespace, "--field-selector=status.phase=Pending", "--wait=false"); err != nil {
		return err
	}
	manifest, err := kubectl(ctx, "", "kustomize", "--load-restrictor=LoadRestrictionsNone", "webhook")
	if err != nil {
		return err
	}
	secret := fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: pillion-webhook-tls, namespace: %s}\ntype: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s}\n",
		namespace, base64.StdEncoding.EncodeToString(cert), base64.StdEncoding.EncodeToString(key))
	if _, err := kubectl(ctx, manifest+secret, "apply", "-f", "-"); err != nil {
		return err
	}
	for _, kind := range []string{"mutatingwebhookconfiguration", "validatingwebhookconfiguration"} {
		if err := trust(ctx, kind, cert); err != nil {
			return err
		}
	}
	if err := eventually(ctx, unlessStuck(ctx, namespace, func() error {
		_, err := kubectl(ctx, "", "rollout", "status", "-n", namespace, "deployment/pillion-webhook", "--timeout=5s")
		return err
	})); err != nil {
		return err
	}
	return eventually(ctx, inForce(ctx))
}

// inForce tells whether the webhook decides on pods.
func inForce(ctx context.Context) func() error {
	return func() error {
		_, err := kubectl(ctx, "", "run", "asks-for-nothing-that-exists", "--image=none", "--dry-run=server",
			"--annotations=probe.pillion.dev/in-force=")
		if err == nil || !strings.Contains(err.Error(), "denied the request") {
			return fmt.Errorf("the webhook is not in force: %w", err)
		}
		return nil
	}
}

// trust lets the API server believe the certificate, for each entry of a configuration.
func trust(ctx context.Context, kind string, cert []byte) error {
	entries, err := kubectl(ctx, "", "get", kind, "pillion", "-o", "jsonpath={.webhooks[*].name}")
	if err != nil {
		return err
	}
	var patch []string
	for i := range strings.Fields(entries) {
		patch = append(patch, fmt.Sprintf(`{"op":"add","path":"/webhooks/%d/clientConfig/caBundle","value":%q}`, i, base64.StdEncoding.EncodeToString(cert)))
	}
	_, err = kubectl(ctx, "", "patch", kind, "pillion", "--type=json", "-p", "["+strings.Join(patch, ",")+"]")
	return err
}

const namespace = "pillion-system"

// servingPair is the webhook's certificate and key: those in the cluster, or new ones.
func servingPair(ctx context.Context) (cert, key []byte, err error) {
	out, err := kubectl(ctx, "", "get", "secret", "-n", namespace, "pillion-webhook-tls", "--ignore-not-found",
		"-o", `jsonpath={.data.tls\.crt} {.data.tls\.key}`)
	if err != nil {
		return nil, nil, err
	}
	encoded := strings.Fields(out)
	if len(encoded) != 2 {
		return certificate("pillion-webhook." + namespace + ".svc")
	}
	cert, err = base64.StdEncoding.DecodeString(encoded[0])
	if err != nil {
		return nil, nil, err
	}
	key, err = base64.StdEncoding.DecodeString(encoded[1])
	return cert, key, err
}

// eventually tries until do succeeds, its error is one that stays, or ctx ends.
func eventually(ctx context.Context, do func() error) error {
	for {
		err := do()
		if _, stays := errors.AsType[stuckError](err); err == nil || stays {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// story is a namespace that lasts for one test.
type story struct {
	*testing.T
	namespace string
}

func tell(t *testing.T, labels ...string) story {
	t.Helper()
	s := story{t, "story-" + strings.ToLower(fmt.Sprintf("%x", time.Now().UnixNano()))}
	// With its labels from the start: the API server can be late to notice one that comes later.
	manifest := fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n",
		s.namespace, strings.ReplaceAll(strings.Join(labels, ", "), "=", ": "))
	if _, err := kubectl(t.Context(), manifest, "create", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, args := range [][]string{{"get", "pods,events"}, {"logs", "--all-containers", "--prefix", "--ignore-errors", "-l", "app", "--tail=40"}} {
				out, err := kubectl(context.Background(), "", append([]string{"-n", s.namespace}, args...)...)
				t.Logf("%s %v", out, err)
			}
		}
		if _, err := kubectl(context.Background(), "", "delete", "namespace", s.namespace, "--wait=false"); err != nil {
			t.Error(err)
		}
	})
	s.await(func() error {
		_, err := kubectl(t.Context(), "", "get", "-n", s.namespace, "serviceaccount", "default")
		return err
	})
	return s
}

// kubectl runs in the story's namespace and must succeed.
func (s story) kubectl(args ...string) string {
	s.Helper()
	out, err := kubectl(s.Context(), "", append([]string{"-n", s.namespace}, args...)...)
	if err != nil {
		s.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func (s story) apply(manifest string) {
	s.Helper()
	if _, err := kubectl(s.Context(), manifest, "-n", s.namespace, "apply", "-f", "-"); err != nil {
		s.Fatal(err)
	}
}

// patience is enough for what a node does by itself, on a busy machine too.
const patience = 5 * time.Minute

// soon is enough for a process that hears SIGTERM, on a busy machine too. Pods that show
// that one does are unhurried: they could take ten times as long.
const soon = time.Minute

// await fails the story if do does not succeed in time, or if a pod of the story is in
// a state in which it would wait for ever.
func (s story) await(do func() error) {
	s.Helper()
	s.awaitFor(patience, do)
}

func (s story) awaitFor(limit time.Duration, do func() error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	if err := eventually(ctx, unlessStuck(ctx, s.namespace, do)); err != nil {
		s.Fatal(err)
	}
}

// wait waits until an object, such as pod/web, has a condition.
func (s story) wait(object, condition string) {
	s.Helper()
	s.waitFor(patience, object, condition)
}

func (s story) waitFor(limit time.Duration, object, condition string) {
	s.Helper()
	s.awaitFor(limit, func() error {
		_, err := kubectl(s.Context(), "", "-n", s.namespace, "wait", "--for=condition="+condition, object, "--timeout=3s")
		return err
	})
}

// page is what the pod's own web server answers. Not at localhost: the kubelet writes
// /etc/hosts again when a container restarts, and not in one step.
func (s story) page(pod, path string) string {
	s.Helper()
	return s.kubectl("exec", pod, "-c", "web", "--", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/"+path)
}

// awaitPage waits until the pod serves text at path.
func (s story) awaitPage(pod, path, text string) {
	s.Helper()
	s.await(func() error {
		got, err := kubectl(s.Context(), "", "-n", s.namespace, "exec", pod, "-c", "web", "--", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/"+path)
		if err == nil && strings.TrimSpace(got) != text {
			err = fmt.Errorf("the page is %q, want %q", strings.TrimSpace(got), text)
		}
		return err
	})
}
