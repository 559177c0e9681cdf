// SPDX-License-Identifier: Apache-2.0

// Command embedded is a controller-runtime manager that serves Pillion beside whatever else it
// does: embedded CERT-DIR PORT [POLICY...]. It finds the API server as kubectl does.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/pillion-dev/pillion/pkg/pillion"
	"github.com/pillion-dev/pillion/pkg/pillion/manager"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "embedded:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("got %d arguments; usage: embedded CERT-DIR PORT [POLICY...]", len(args))
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	policies := []*pillion.Policy{pillion.Builtin()}
	if len(args) > 2 {
		if policies, err = pillion.Load(args[2:]...); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Metrics:       metrics.Options{BindAddress: "0"},
		WebhookServer: webhook.NewServer(webhook.Options{CertDir: args[0], Port: port}),
	})
	if err != nil {
		return err
	}
	manager.Register(mgr.GetWebhookServer(), pillion.Options{Log: log}, policies...)
	return mgr.Start(ctrl.SetupSignalHandler())
}
