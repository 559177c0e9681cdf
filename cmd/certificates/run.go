// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/pillion-dev/pillion/cmd/certificates/kube"
	"github.com/pillion-dev/pillion/internal/renewal"
	"github.com/pillion-dev/pillion/internal/version"
)

// Exit statuses, besides 0.
const (
	exitFailed = 1 // something is left to be done; the next run goes on
	exitUsage  = 2 // the command line is wrong
)

const help = `Makes or renews the webhook's certificate where that is due, and tells the API
servers to trust it. One run; have a Job or a CronJob run it. It needs the rights
to get and patch one Secret and the webhook configurations, and no others.

Usage:
  certificates [flags]

Flags:
`

// run is main without the exit: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, help, new(options).flags().FlagUsagesWrapped(100))
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%v\nSee certificates --help.\n", err)
		return exitUsage
	case o.version:
		fmt.Fprintln(stdout, "pillion certificates", version.Info())
		return 0
	}
	log, err := newLogger(stderr, o.logFormat)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := renew(ctx, o, log); err != nil {
		log.Error("certificates are not in order; the next run goes on from here", "error", err.Error())
		return exitFailed
	}
	return 0
}

func renew(ctx context.Context, o *options, log *slog.Logger) error {
	config, err := kube.Config(o.kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := kube.New(config, kube.Objects{Namespace: o.namespace, Secret: o.secret, Mutating: o.mutating, Validating: o.validating})
	if err != nil {
		return err
	}
	log.Info("certificates starts", "version", version.String())
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within --timeout, which is %s", o.timeout))
	defer cancel()
	return renewal.Run(ctx, renewal.Options{
		Cluster: cluster, Names: o.dnsNames, Validity: o.validity, Settle: o.settle, Overlap: o.overlap,
		Revision: o.revision, Patience: o.patience, Log: log,
	})
}
