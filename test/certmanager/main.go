// SPDX-License-Identifier: Apache-2.0

// Command certmanager runs what cert-manager's chart runs, from cert-manager's module, so that
// the tests need neither its images nor a way to any registry.
//
//	certmanager controller        issues certificates (SelfSigned and CA issuers)
//	certmanager cainjector        writes their authority into webhook configurations
//	certmanager webhook           validates cert-manager's objects
//	certmanager startupapicheck   waits until cert-manager can be used
//
// The chart's containers have arguments and no command; there the variable CERTMANAGER_RUN is
// the first argument. The cluster is that of KUBECONFIG, or the one that the program runs in.
//
// cert-manager's own programs are modules that cannot be required. Like theirs, this module's
// path is below cert-manager's: Go lets no other import its internal/webhook.
//
// The controllers have their defaults and read no flags. There is no leader election, because
// there is one of each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logs := flag.NewFlagSet("logs", flag.ContinueOnError)
	klog.InitFlags(logs)
	_ = logs.Set("v", "2") // cert-manager's own default
	ctrl.SetLogger(klog.Background())
	if err := run(logf.NewContext(ctx, klog.Background()), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "certmanager:", err)
		os.Exit(1) //nolint:gocritic // exitAfterDefer: the signal handler needs no undoing in a process that ends.
	}
}

func run(ctx context.Context, args []string) error {
	if name := os.Getenv("CERTMANAGER_RUN"); name != "" {
		args = append([]string{name}, args...)
	}
	if len(args) == 0 {
		args = []string{""}
	}
	kubeconfig := os.Getenv("KUBECONFIG") // "" in the cluster
	switch args[0] {
	case "controller":
		return issue(ctx, kubeconfig)
	case "cainjector":
		return injectAuthorities(ctx, kubeconfig)
	case "webhook":
		return validate(ctx, kubeconfig, args[1:])
	case "startupapicheck":
		return checkAPI(ctx, kubeconfig, args[1:])
	default:
		return fmt.Errorf("the first argument is %q; allowed values: controller, cainjector, webhook, startupapicheck", args[0])
	}
}
