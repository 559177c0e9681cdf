// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// A demo is what the steps have started so far.
type demo struct {
	out        *printer
	full       bool
	fixedPorts bool // rather than others if they are taken

	dir      string // all files of the demo, and where its commands run
	git      *gitServer
	app      *app
	plane    *controlplane.Plane
	pod      *corev1.Pod // the one with the git-poller, as the API server stored it
	volumes  volumes
	helper   *process
	cleanups []func() error
}

type step struct {
	title string
	do    func(context.Context) error
}

func (d *demo) steps() []step {
	return []step{
		{"Start an API server, Pillion's webhook and a git server", d.start},
		{"Apply a pod that requests a git poller", d.inject},
		{"Run the added container, and a web server on the volume it shares", d.serve},
		{"Push a commit: the page changes, and the app is notified", d.push},
		{"Stop the git server: the page stays", d.outage},
		{"Start the git server again, and push", d.recover},
		{"Apply a Deployment with two mistakes", d.mistakes},
		{"Request a helper that the platform team defined", d.defined},
	}
}

func (d *demo) start(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp("", "pillion-demo-"); err != nil {
		return err
	}
	d.onClean(func() error { return os.RemoveAll(d.dir) })
	if d.git, err = startGit(ctx, d.path("git"), d.fixedPorts); err != nil {
		return err
	}
	d.onClean(d.git.stop)
	if d.app, err = startApp(ctx, d.fixedPorts); err != nil {
		return err
	}
	d.onClean(d.app.stop)
	if err := d.writeFiles(ctx); err != nil {
		return err
	}
	if err := d.firstCommit(ctx); err != nil {
		return err
	}
	options := controlplane.Options{Webhook: true, PolicyDir: d.path("policies"), Progress: &progress{out: d.out}}
	if d.plane, err = controlplane.Start(ctx, options); err != nil {
		return err
	}
	d.onClean(d.plane.Stop)
	for _, program := range []struct{ pkg, name string }{{"./cmd/helper", "pillion-helper"}, {"./cmd/kubectl-pillion", "kubectl-pillion"}} {
		d.out.line(dim, "building "+program.name)
		if err := d.build(ctx, program.pkg, program.name); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) inject(ctx context.Context) error {
	if _, err := d.run(ctx, "cat", "web.yaml"); err != nil {
		return err
	}
	var wrote corev1.Pod
	got, err := d.apply(ctx, "web.yaml", &wrote)
	if err != nil {
		return err
	}
	helper := containerNamed(got.Spec.InitContainers, "pillion-git-poller")
	if helper == nil {
		return errors.New("the API server stored the pod without the container pillion-git-poller")
	}
	d.pod = got
	return d.show(&wrote, got)
}

// apply applies a file with one pod, reads the file into wrote, and returns the pod as it was
// stored.
func (d *demo) apply(ctx context.Context, file string, wrote *corev1.Pod) (*corev1.Pod, error) {
	data, err := os.ReadFile(d.path(file))
	if err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalStrict(data, wrote); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if _, err := d.run(ctx, "kubectl", "apply", "-f", file); err != nil {
		return nil, err
	}
	d.out.line("", "The API server stored it with these additions:")
	clients, err := kubernetes.NewForConfig(d.plane.Config())
	if err != nil {
		return nil, err
	}
	return clients.CoreV1().Pods("default").Get(ctx, wrote.Name, metav1.GetOptions{})
}

// show prints what was added to a pod.
func (d *demo) show(wrote, got *corev1.Pod) error {
	if d.full {
		return d.out.sections(additions(wrote, got))
	}
	for _, a := range summary(wrote, got) {
		d.out.line(green, a.String())
	}
	return nil
}

func (d *demo) serve(ctx context.Context) error {
	helper := containerNamed(d.pod.Spec.InitContainers, "pillion-git-poller")
	if helper.StartupProbe == nil || helper.StartupProbe.Exec == nil {
		return errors.New("pillion-git-poller has no startup probe that runs a command")
	}
	d.volumes = volumes{dir: d.dir}
	if err := d.volumes.make(d.pod); err != nil {
		return err
	}
	d.app.serve(d.path(d.volumes.of(d.pod.Spec.Containers[0], "/usr/share/nginx/html")))

	d.out.line("", "The command is that of the stored pod; its mounts are directories here.")
	command, err := d.volumes.command(*helper)
	if err != nil {
		return err
	}
	d.out.command(command...)
	if d.helper, err = launch(ctx, d.dir, d.path("git-poller.log"), d.path("bin"), command); err != nil {
		return err
	}
	d.onClean(d.helper.stop)

	probe := d.volumes.paths(*helper, helper.StartupProbe.Exec.Command)
	d.out.command(probe...)
	if err := d.until(ctx, "the startup probe succeeds", func(ctx context.Context) error {
		out, err := d.exec(ctx, probe...)
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}); err != nil {
		return err
	}
	d.out.line("", "The startup probe succeeds, so the kubelet would start nginx now.")
	return d.page(ctx, page(1))
}

func (d *demo) push(ctx context.Context) error {
	commit, err := d.commit(ctx, 2)
	if err != nil {
		return err
	}
	return d.published(ctx, 2, commit)
}

// published waits until the app has heard of a commit, and looks at the page.
func (d *demo) published(ctx context.Context, version int, commit string) error {
	if err := d.until(ctx, "the app is notified of "+commit, func(context.Context) error { return d.app.heard(commit) }); err != nil {
		return err
	}
	d.out.line(cyan, "app: POST /-/reload, Pillion-Commit: "+commit)
	return d.page(ctx, page(version))
}

func (d *demo) outage(ctx context.Context) error {
	if err := d.git.stop(); err != nil {
		return err
	}
	d.out.line("", "The git server is gone.")
	commit, err := d.head(ctx)
	if err != nil {
		return err
	}
	var said string
	if err := d.until(ctx, "git-poller reports a failed poll", func(context.Context) (err error) {
		said, err = d.failedPoll(commit)
		return err
	}); err != nil {
		return err
	}
	d.out.line(yellow, said)
	if d.helper.ended() {
		return errors.New("git-poller has ended")
	}
	return d.page(ctx, page(2))
}

func (d *demo) recover(ctx context.Context) error {
	if err := d.git.start(ctx); err != nil {
		return err
	}
	commit, err := d.commit(ctx, 3)
	if err != nil {
		return err
	}
	return d.published(ctx, 3, commit)
}

func (d *demo) mistakes(ctx context.Context) error {
	if _, err := d.run(ctx, "grep", "pillion.dev", "wrong.yaml"); err != nil {
		return err
	}
	out, err := d.run(ctx, "kubectl", "apply", "-f", "wrong.yaml")
	if err != nil {
		return err
	}
	out = unwrapped(out)
	if !strings.Contains(out, `did you mean "git-poller.pillion.dev/period"?`) || !strings.Contains(out, "does not allow") {
		return errors.New("kubectl apply did not warn of both mistakes")
	}
	d.out.line("", "Its pods would be denied. Why?")
	why := []string{"kubectl", "pillion", "explain", "deploy/site", "--policy", "policies"}
	d.out.command(why...)
	out, err = d.exec(ctx, why...)
	if exit := exitCode(err); exit != 1 {
		return fmt.Errorf("explain ended with %d (%w), and 1 is what says that pods do not get what they request: %s", exit, err, out)
	}
	if !strings.Contains(out, "UnknownAnnotation") {
		return fmt.Errorf("explain does not name the reason UnknownAnnotation: %s", out)
	}
	d.excerpt(out, 6)
	return nil
}

// excerpt prints the first lines of an output, or all of it.
func (d *demo) excerpt(output string, most int) {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if d.full || len(lines) <= most {
		d.out.text(output)
		return
	}
	d.out.text(strings.Join(lines[:most], "\n"))
	d.out.line(dim, fmt.Sprintf("… and %d more lines (make demo FULL=1)", len(lines)-most))
}

func (d *demo) defined(ctx context.Context) error {
	d.out.line("", "examples/helpers/policies/helper-log-shipper.yaml defines log-shipper: its options, its container.")
	if _, err := d.run(ctx, "grep", "pillion.dev", "shop.yaml"); err != nil {
		return err
	}
	var wrote corev1.Pod
	got, err := d.apply(ctx, "shop.yaml", &wrote)
	if err != nil {
		return err
	}
	shipper := containerNamed(got.Spec.InitContainers, "pillion-log-shipper")
	if shipper == nil {
		return errors.New("the API server stored the pod without the container pillion-log-shipper")
	}
	return d.show(&wrote, got)
}
