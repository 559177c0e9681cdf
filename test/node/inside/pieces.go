// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"context"
	"fmt"
	"io"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pillion-dev/pillion/test/node/config"
)

// startTimeout is for all pieces together, on a slow and busy machine.
const startTimeout = 5 * time.Minute

// Pieces runs the pieces of the node in dir and reports to out. It returns only
// if a piece ends or does not start; otherwise it is killed with the rest.
func Pieces(dir string, out io.Writer) error {
	n, err := config.Load(dir)
	if err == nil {
		r := &runner{node: n, out: out, ended: make(chan end, 16)}
		err = r.run()
	}
	Report(out, Message{Error: err.Error()})
	return err
}

// A runner starts pieces. ended receives the end of each.
type runner struct {
	node  config.Node
	out   io.Writer
	ended chan end
}

func (r *runner) run() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), startTimeout, fmt.Errorf("gave up after %s", startTimeout))
	defer cancel()
	if err := r.startAll(ctx); err != nil {
		return err
	}
	Report(r.out, Message{Ready: true})
	for e := range r.ended {
		again, ok := e.wanted()
		if !ok {
			return e.err
		}
		Report(r.out, Message{Progress: e.err.Error()})
		if err := r.start(again...); err != nil {
			return err
		}
	}
	return nil
}

// startAll starts the pieces, each when those that it needs are ready, and the other
// node when there is an API server.
func (r *runner) startAll(ctx context.Context) error {
	n := r.node
	if n.Number == 1 {
		if err := r.start(n.Etcd()); err != nil {
			return err
		}
		if err := r.await(ctx, "etcd", etcdHealthy); err != nil {
			return err
		}
	}
	if err := r.start(n.Containerd(), n.APIServer()); err != nil {
		return err
	}
	clients, err := r.clients()
	if err != nil {
		return err
	}
	if err := r.await(ctx, "kube-apiserver", apiServerReady(clients)); err != nil {
		return err
	}
	others, err := r.startOthers()
	if err != nil {
		return err
	}
	if err := r.start(r.clientPieces()...); err != nil {
		return err
	}
	if err := r.await(ctx, "containerd", containerdAnswers); err != nil {
		return err
	}
	if err := r.start(n.Kubelet()); err != nil {
		return err
	}
	for _, last := range append([]condition{
		{"kube-controller-manager", serviceAccountExists(clients)},
		{"kube-proxy", servicesAnswer},
		{"kubelet", nodeReady(clients, n.Name())},
	}, others...) {
		if err := r.await(ctx, last.name, last.ready); err != nil {
			return err
		}
	}
	if n.Router != "" { // it ends at once if there is no Node object
		return r.start(n.NetworkPolicies())
	}
	return nil
}

// clientPieces need an API server, and nothing else.
func (r *runner) clientPieces() []config.Piece {
	n := r.node
	pieces := []config.Piece{n.Proxy()}
	if n.Number == 1 {
		pieces = append(pieces, n.ControllerManager(), n.Scheduler())
	}
	return pieces
}

// A condition is what has to be true of a piece before the node is ready.
type condition struct {
	name  string // its log's too
	ready func(context.Context) error
}

func (r *runner) clients() (*kubernetes.Clientset, error) {
	rc, err := clientcmd.BuildConfigFromFlags("", r.node.InnerKubeconfig())
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(rc)
}

// await calls ready until it returns nil. If a piece ends meanwhile, or the time
// is up, the error holds the end of its log.
func (r *runner) await(ctx context.Context, name string, ready func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := ready(try)
		cancel()
		if err == nil {
			Report(r.out, Message{Progress: name})
			return nil
		}
		select {
		case e := <-r.ended:
			return e.err
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the last try: %w%s", name, context.Cause(ctx), err, LastLines(r.node.Log(name)))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
