// SPDX-License-Identifier: Apache-2.0

// Command demo shows what Pillion does, on a control plane that it starts and
// stops by itself: `make demo`. It creates the pods of examples/ with kubectl,
// reads them back from the API server and prints what was injected, and then
// shows how a mistake is answered. It fails if nothing was injected.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/test/controlplane"
)

func main() {
	os.Exit(controlplane.Run(controlplane.Options{Controllers: true, Webhook: true}, run(time.Now())))
}

// run returns what is to be done once the control plane is there.
func run(start time.Time) func(context.Context, *controlplane.Plane) int {
	return func(ctx context.Context, p *controlplane.Plane) int {
		d := demo{plane: p, out: newPrinter(os.Stdout)}
		for _, show := range []func(context.Context) error{
			func(ctx context.Context) error { return d.inject(ctx, "git", "examples/nginx-git.yaml") },
			func(ctx context.Context) error { return d.inject(ctx, "date", "examples/nginx-date.yaml") },
			d.refuse,
		} {
			if err := show(ctx); err != nil {
				fmt.Fprintln(os.Stderr, "demo:", err)
				return 1
			}
		}
		d.out.title(fmt.Sprintf("Done in %.0f s. Stopping and cleaning up.", time.Since(start).Seconds()))
		return 0
	}
}

type demo struct {
	plane *controlplane.Plane
	out   *printer
}

// inject creates the pod of an example and prints what came back that was not
// written there.
func (d demo) inject(ctx context.Context, namespace, example string) error {
	if err := d.plane.Namespace(ctx, namespace, nil); err != nil {
		return err
	}
	wrote, err := d.read(example)
	if err != nil {
		return err
	}
	d.out.command("kubectl apply -n", namespace, "-f", example)
	stdout, _, err := d.plane.Kubectl(ctx, "", "apply", "-n", namespace, "-f", example)
	if err != nil {
		return err
	}
	d.out.text(stdout)

	clients, err := kubernetes.NewForConfig(d.plane.Config())
	if err != nil {
		return err
	}
	got, err := clients.CoreV1().Pods(namespace).Get(ctx, wrote.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if len(got.Spec.InitContainers) == len(wrote.Spec.InitContainers) {
		return fmt.Errorf("%s: no container was injected", example)
	}
	d.out.command("kubectl get pod -n", namespace, wrote.Name, "-o yaml    # the user's annotations, and in green what was injected")
	return d.out.sections(additions(wrote, got))
}

// refuse shows what somebody reads who mistypes an annotation.
func (d demo) refuse(ctx context.Context) error {
	const example, right, typo = "examples/nginx-git.yaml", "git-poller.pillion.dev/ref:", "git-poller.pillion.dev/reff:"
	manifest, err := os.ReadFile(filepath.Join(d.plane.Root(), example))
	if err != nil {
		return err
	}
	mistyped := strings.Replace(string(manifest), right, typo, 1)
	if mistyped == string(manifest) {
		return fmt.Errorf("%s no longer has %q to be mistyped", example, right)
	}
	d.out.command("sed s/ref:/reff:/", example, "| kubectl apply -f -")
	_, stderr, err := d.plane.Kubectl(ctx, mistyped, "apply", "-n", "default", "-f", "-")
	if err == nil {
		return errors.New("a pod with an unknown annotation was admitted")
	}
	d.out.text(stderr)
	return nil
}

// read returns the pod of an example as its author wrote it.
func (d demo) read(example string) (*corev1.Pod, error) {
	data, err := os.ReadFile(filepath.Join(d.plane.Root(), example))
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(data, &pod); err != nil {
		return nil, fmt.Errorf("%s: %w", example, err)
	}
	return &pod, nil
}
