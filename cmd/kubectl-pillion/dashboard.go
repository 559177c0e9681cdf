// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/dashboard"
)

type dashboardOptions struct {
	port    uint16
	policy  string
	content bool
	cluster cluster.Flags
}

func newDashboard() *cobra.Command {
	var o dashboardOptions
	cmd := &cobra.Command{
		Use:   "dashboard [-n NAMESPACE]",
		Short: "Serve a page about pods, helpers and policies to your browser",
		Long: `Serve a page about pods, helpers and policies to your browser: what each pod has, which
commit it serves, what drifted or fails and why, the policies in force with their rules,
and a box that judges a manifest as you type.

The page has your own rights in the cluster, and nothing is installed there. Without
--namespace it shows the pods of all namespaces, or, if you may not list those, of the
context's namespace; the page names what you may not read. The command watches pods, reads
webhooks and policies once a minute, and asks git-pollers for their commits as status does.

It listens on this machine's loopback addresses alone. The address that it prints holds a
token, without which nothing is shown: open it in a browser, and pass it to nobody.

Exit codes: 0 it was stopped with Ctrl-C; 2 a flag or a policy is wrong, or the port is taken.`,
		Example: `  kubectl pillion dashboard

  # one namespace, on a port for a tunnel
  kubectl pillion dashboard -n shop --port 8080`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return o.run(ctx, cmd.Flags().Changed("namespace"), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().Uint16Var(&o.port, "port", 0, "port to listen on (default: one that is free)")
	policyFlag(cmd, &o.policy, policyHelp+" (default: those of the cluster)")
	cmd.Flags().BoolVar(&o.content, "content", true, "ask each git-poller what it publishes, which needs the right to create pods/exec")
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *dashboardOptions) run(ctx context.Context, oneNamespace bool, out, errOut io.Writer) error {
	if _, err := policiesAt(o.policy); err != nil {
		return err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	listeners, port, err := onLoopback(ctx, o.port)
	if err != nil {
		return err
	}
	token := rand.Text()
	source := newBoard(o, client, oneNamespace)
	following := make(chan struct{})
	go func() {
		defer close(following)
		source.follow(ctx)
	}()
	server := dashboard.Server(source, token)
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- server.Serve(l) }()
	}
	fmt.Fprintln(errOut, "Open this address in a browser. Ctrl-C ends the dashboard.")
	fmt.Fprintf(out, "http://127.0.0.1:%d/#token=%s\n", port, token)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	_ = server.Close() // what it answers to has no more to read
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-following
	return nil
}

// onLoopback listens on 127.0.0.1, and on [::1] where there is one and its port is free. The
// address that is printed is the first's, so nobody else's server is ever behind it.
func onLoopback(ctx context.Context, port uint16) ([]net.Listener, int, error) {
	var listen net.ListenConfig
	four, err := listen.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return nil, 0, fmt.Errorf("--port %d: %w; without --port a free one is taken", port, err)
	}
	address, _ := four.Addr().(*net.TCPAddr)
	listeners := []net.Listener{four}
	if six, err := listen.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(address.Port))); err == nil {
		listeners = append(listeners, six)
	}
	return listeners, address.Port, nil
}

// clusterName is what the page calls the cluster.
func (o *dashboardOptions) clusterName(client *cluster.Client) string {
	if name := o.cluster.Context(); name != "" {
		return "context " + name
	}
	return client.Host()
}

// worldTime is how long what was read of webhooks, policies and namespaces is believed.
const worldTime = time.Minute
