// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/server"
	"github.com/pillion-dev/pillion/internal/version"
)

// Exit statuses, besides 0.
const (
	exitFailed = 1 // the webhook could not start or go on, or was stopped hard
	exitUsage  = 2 // the command line is wrong
)

// run is main without the exit: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		printHelp(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%v\nSee webhook --help.\n", err)
		return exitUsage
	case o.version:
		fmt.Fprintln(stdout, "pillion webhook", version.Info())
		return 0
	}
	log, err := server.NewLogger(stderr, o.logFormat, o.logLevel)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), o.memory()))
	drain, stop := signals(log)
	if err := serve(drain, stop, o, log); err != nil {
		log.Error("webhook ends", "error", err.Error())
		return exitFailed
	}
	log.Info("webhook ends")
	return 0
}

// serve wires the parts and runs them until drain or stop has done its work.
// Policies come first: with a bad one no port opens at all.
func serve(drain, stop context.Context, o *options, log *slog.Logger) error {
	policies, err := loadPolicies(o.policyDir, policy.Defaults{Image: o.helperImage})
	if err != nil {
		return err
	}
	hashes := map[string]string{}
	for name, p := range policies {
		hashes[name] = p.Hash
	}
	log.Info("webhook starts", "version", version.String(), "policies", hashes)
	if policies[policy.DefaultName] == nil {
		log.Warn("no policy is called default: pods that request a helper are denied in namespaces without the label", "label", inject.PolicyLabel)
	}

	tlsVersion, err := minTLS(o.tlsMinVersion)
	if err != nil {
		return err
	}
	var clients *server.Clients
	if o.clientCAFile != "" {
		if clients, err = server.NewClients(o.clientCAFile, o.clientNames, log); err != nil {
			return fmt.Errorf("--client-ca-file: %w", err)
		}
	}
	metrics := server.NewMetrics(version.String())
	initSeries(metrics, policies)
	metrics.CountNamespaces(o.denialsByNamespace)
	return server.New(server.Options{
		Listen:       o.listen,
		HealthListen: o.healthListen,
		Handler: admission.NewHandler(admission.Options{
			Policies:    policies,
			Version:     version.String(),
			Log:         log,
			Observe:     metrics.Observe,
			ObserveWarn: metrics.ObserveWarn,

			ObserveDenied: metrics.ObserveDenied,
		}),
		Certificates: server.NewCertificates(server.CertificateOptions{
			Dir:      o.certDir,
			DNSNames: o.certDNSNames,
			Log:      log,
			Metrics:  metrics,
		}),
		Clients: clients,
		MinTLS:  tlsVersion,
		MaxBody: o.maxBody,
		Bodies:  o.maxBodies,

		Connections:          o.maxConnections,
		ConnectionsPerSource: o.maxConnectionsPerSource,

		DrainMin: o.drainMin,
		DrainMax: o.drainMax,
		Log:      log,
		Metrics:  metrics,
	}).Run(drain, stop)
}

// initSeries makes the series that alerts and people ask for. increase() and rate() do not see
// the event that a series begins with, so the counts of what goes wrong begin at 0.
func initSeries(metrics *server.Metrics, policies map[string]*inject.Policy) {
	for name, p := range policies {
		metrics.Policy(name, p.Hash)
	}
	for _, doc := range reason.All() {
		if doc.Result != reason.Failed && doc.Result != reason.Denied {
			continue
		}
		for name := range policies {
			metrics.Init(name, string(doc.Result), string(doc.Reason))
		}
		metrics.Init(inject.NoPolicy, string(doc.Result), string(doc.Reason))
	}
}

func loadPolicies(dir string, defaults policy.Defaults) (map[string]*inject.Policy, error) {
	if dir != "" {
		return defaults.LoadDir(dir)
	}
	p, err := defaults.Builtin()
	return map[string]*inject.Policy{policy.DefaultName: p}, err
}

// signals returns a context that the first SIGTERM or SIGINT ends, and one that
// the second ends.
func signals(log *slog.Logger) (drain, stop context.Context) {
	received := make(chan os.Signal, 2)
	signal.Notify(received, syscall.SIGTERM, syscall.SIGINT)
	drain, startDrain := context.WithCancel(context.Background())
	stop, stopNow := context.WithCancel(context.Background())
	go func() {
		log.Info("signal received, draining", "signal", (<-received).String())
		startDrain()
		log.Warn("second signal received, stopping at once", "signal", (<-received).String())
		stopNow()
	}()
	return drain, stop
}
