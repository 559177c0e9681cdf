// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"k8s.io/client-go/rest"
)

// Options say what to start. The zero value starts etcd and kube-apiserver alone.
type Options struct {
	// Controllers starts kube-controller-manager, where there is one: see
	// [Plane.HasControllers].
	Controllers bool
	// Webhook builds and starts cmd/webhook and installs the webhook configurations.
	Webhook bool
	// Manifests is the kustomization that holds these, as a path in the repository;
	// "" is config/webhook.
	Manifests string
	// PolicyDir is given to the webhook as --policy-dir, if set.
	PolicyDir string
	// WebhookArgs are further flags for the webhook.
	WebhookArgs []string
	// EndpointRouting lets the API server call a webhook's Service at its endpoints, for
	// want of a kube-proxy.
	EndpointRouting bool
	// Progress is told what is happening; nil means os.Stderr.
	Progress io.Writer
}

// A Plane is a running control plane. Its methods may be called from many
// goroutines.
type Plane struct {
	// Webhook is the running webhook, or nil if none was asked for.
	Webhook *Webhook

	opts       Options
	root       string // of the repository
	assets     string // the directory of the Kubernetes binaries
	dir        string // everything temporary
	config     *rest.Config
	kubeconfig string
	keys       signingKeys
	controlled bool

	stopOnce sync.Once
	undo     []func() error
	stopErr  error
}

// Start brings everything up that opts ask for, and returns when the webhook is
// being called. If it fails, or ctx ends, all that had been started is stopped.
func Start(ctx context.Context, opts Options) (_ *Plane, err error) {
	if opts.Progress == nil {
		opts.Progress = os.Stderr
	}
	p := &Plane{opts: opts}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	steps := []struct {
		doing string
		do    func(context.Context) error
		skip  bool
	}{
		{doing: "finding the Kubernetes binaries", do: p.findAssets},
		{doing: "making a temporary directory", do: p.makeDir},
		{doing: "starting etcd and kube-apiserver", do: p.startAPIServer},
		{doing: "starting kube-controller-manager", do: p.startControllers, skip: !opts.Controllers},
		{doing: "building and starting the webhook", do: p.startWebhook, skip: !opts.Webhook},
		{doing: "installing the webhook configurations", do: p.installWebhook, skip: !opts.Webhook},
	}
	for _, step := range steps {
		if step.skip {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("control plane: stopped before %s: %w", step.doing, context.Cause(ctx))
		}
		p.progress("%s", step.doing)
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("control plane: %s: %w", step.doing, err)
		}
	}
	return p, nil
}

// Stop stops every process and removes every file, in the reverse order of their
// making. It may be called more than once.
func (p *Plane) Stop() error {
	p.stopOnce.Do(func() {
		var errs []error
		for _, undo := range slices.Backward(p.undo) {
			errs = append(errs, undo())
		}
		p.stopErr = errors.Join(errs...)
	})
	return p.stopErr
}

// Config is for clients with the rights of a cluster administrator. Each call
// returns a copy.
func (p *Plane) Config() *rest.Config { return rest.CopyConfig(p.config) }

// Kubeconfig is the path of a file with the same rights as [Plane.Config].
func (p *Plane) Kubeconfig() string { return p.kubeconfig }

// Root is the directory of the repository.
func (p *Plane) Root() string { return p.root }

// HasControllers is false if none were asked for, or if KUBEBUILDER_ASSETS names
// binaries without kube-controller-manager. Then a Deployment makes no pods.
func (p *Plane) HasControllers() bool { return p.controlled }

// EndSignals are what ends a program that has started a control plane: Ctrl-C, a supervisor, a
// terminal that is closed, and a reader of its output that went away, as in `… | head`. Without
// a handler for each, etcd and kube-apiserver would outlive it.
var EndSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE}

// Run starts a control plane, calls do, stops everything and returns an exit
// code: that of do, or 1 after an error, which it prints. On one of the
// [EndSignals] it stops everything too. The context of do ends then, but do is not waited
// for, because a testing.M cannot be told to stop.
func Run(opts Options, do func(context.Context, *Plane) int) int {
	ctx, stop := signal.NotifyContext(context.Background(), EndSignals...)
	defer stop()
	p, err := Start(ctx, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	done := make(chan int, 1)
	go func() { done <- do(ctx, p) }()
	code := 1
	select {
	case code = <-done:
	case <-ctx.Done():
		p.progress("%v: stopping", context.Cause(ctx))
	}
	if err := p.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func (p *Plane) progress(format string, args ...any) {
	fmt.Fprintf(p.opts.Progress, "controlplane: "+format+"\n", args...)
}

// onStop remembers how to undo what was just done.
func (p *Plane) onStop(undo func() error) { p.undo = append(p.undo, undo) }

func (p *Plane) makeDir(context.Context) error {
	dir, err := os.MkdirTemp("", "pillion-")
	if err != nil {
		return err
	}
	p.dir = dir
	p.onStop(func() error { return os.RemoveAll(dir) })
	return nil
}
