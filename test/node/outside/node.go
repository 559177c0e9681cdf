// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package outside is what the machine sees of a node: it makes the namespaces,
// carries connections into them, and takes them down.
package outside

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pillion-dev/pillion/test/node/config"
	"github.com/pillion-dev/pillion/test/node/leftover"
)

// Options say what to start.
type Options struct {
	// Images are archives to import.
	Images []string
	// KeepLogs is a directory for the logs. If it is empty, they are kept only
	// if the node fails, in a new directory.
	KeepLogs string
	// KubeletSync is how often the kubelet brings changed Secrets to pods; 0 is 5s.
	KubeletSync time.Duration
	// Nodes is how many nodes the cluster has, each with an API server: 1, or 2.
	Nodes int
	// NetworkPolicies has them enforced, by kube-router.
	NetworkPolicies bool
	// Progress is told what is happening.
	Progress io.Writer
}

// A Node is a running node.
type Node struct {
	config.Node

	opts      Options
	begun     time.Time
	lock      *os.File // on Dir
	listeners []net.Listener
	first     *process
	failure   error
	undo      []func() error
}

// Start starts a node, and returns when a pod can run on it. If it fails, or ctx
// ends, nothing is left.
func Start(ctx context.Context, opts Options) (_ *Node, err error) {
	n := &Node{opts: opts, begun: time.Now()}
	n.Number = 1
	n.KubeletSync = cmp.Or(opts.KubeletSync, 5*time.Second).String()
	defer func() {
		if err != nil && ctx.Err() == nil {
			n.failure = err
		}
		if err != nil {
			err = errors.Join(err, n.Stop())
		}
	}()
	for _, step := range []func(context.Context) error{
		n.checkMachine, n.findPieces, n.listen, n.makeDir, n.launch, n.fillDir, n.begin, n.forward, n.awaitReady, n.importImages,
	} {
		if err := step(ctx); ctx.Err() != nil {
			return nil, fmt.Errorf("stopped before the node was ready: %w", context.Cause(ctx))
		} else if err != nil {
			return nil, err
		}
	}
	n.progress("ready")
	return n, nil
}

// Stop ends every process in the node and removes every trace of it.
func (n *Node) Stop() error {
	errs := []error{n.keepLogs()}
	for _, undo := range slices.Backward(n.undo) {
		errs = append(errs, undo())
	}
	n.undo = nil
	return errors.Join(errs...)
}

// PID is the number of the node's first process, which has the namespaces.
func (n *Node) PID() int { return n.first.pid() }

// Wait returns nil when ctx ends, or an error if the node fails before.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.first.failed:
		return n.first.failure()
	}
}

func (n *Node) progress(format string, args ...any) {
	fmt.Fprintf(n.opts.Progress, "node: %4.0fs  %s\n", time.Since(n.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (n *Node) onStop(undo func() error) { n.undo = append(n.undo, undo) }

func (n *Node) checkMachine(context.Context) error {
	m, err := thisMachine()
	if err != nil {
		return err
	}
	for _, archive := range n.opts.Images {
		if _, err := os.Stat(archive); err != nil {
			return fmt.Errorf("an image cannot be imported: %w", err)
		}
	}
	n.CNI = m.pluginDir()
	m.networkPolicies = n.opts.NetworkPolicies
	return m.check()
}

func (n *Node) findPieces(ctx context.Context) (err error) {
	n.Binaries, err = findBinaries(ctx, n.opts.Progress, "node")
	if err == nil && n.opts.NetworkPolicies {
		n.Router, err = findBinaries(ctx, n.opts.Progress, "kube-router")
	}
	return err
}

func (n *Node) makeDir(context.Context) error {
	base, err := base()
	if err != nil {
		return err
	}
	if err := leftover.Sweep(base); err != nil {
		return fmt.Errorf("what an earlier node left: %w", err)
	}
	lock, err := makeDir(base)
	if err != nil {
		return err
	}
	n.Dir, n.ID = lock.Name(), filepath.Base(lock.Name())
	n.lock = lock
	n.onStop(func() error { return errors.Join(leftover.Remove(n.Dir), lock.Close()) })
	n.Snapshotter, err = snapshotter(n.Dir)
	return err
}

// listen chooses the addresses at which the machine finds the API servers, because
// they are written into the kubeconfigs.
func (n *Node) listen(ctx context.Context) error {
	for range n.opts.Nodes {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		n.onStop(func() error { _ = l.Close(); return nil })
		n.listeners, n.HostAPIs = append(n.listeners, l), append(n.HostAPIs, l.Addr().String())
	}
	return nil
}

// fillDir comes after launch: from there on, somebody removes what we make even
// if we are killed.
func (n *Node) fillDir(context.Context) error {
	for _, node := range n.All() {
		if err := leftover.MakeCgroup(node.ID); err != nil {
			return err
		}
	}
	if err := n.Write(); err != nil {
		return err
	}
	pause := filepath.Join(n.Temp(), "pause.tar")
	if err := writeImage(pause, config.PauseImage, filepath.Join(n.Binaries, "pause")); err != nil {
		return fmt.Errorf("the image of a pod's sandbox: %w", err)
	}
	n.opts.Images = append([]string{pause}, n.opts.Images...)
	return nil
}

func (n *Node) begin(context.Context) error { return n.first.begin() }

func (n *Node) forward(ctx context.Context) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.onStop(func() error { cancel(); return nil })
	for i, node := range n.All() {
		dial := dialIn(n.PID(), node.APIServerAddress())
		go func() { _ = forward(ctx, n.listeners[i], dial) }() // it ends when the listener does
	}
	return nil
}

func (n *Node) awaitReady(ctx context.Context) error {
	select {
	case <-n.first.ready:
		return nil
	case <-n.first.failed:
		return n.first.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) importImages(ctx context.Context) error {
	for _, archive := range n.opts.Images {
		if err := Import(ctx, n.Dir, archive); err != nil {
			return err
		}
	}
	n.progress("images")
	return nil
}
