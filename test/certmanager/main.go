// SPDX-License-Identifier: Apache-2.0

// Command certmanager runs those of cert-manager's own controllers that an
// installation of Pillion relies on, from cert-manager's module, so that the tests
// need neither its images nor a way to any registry.
//
//	certmanager controller   issues certificates (SelfSigned and CA issuers)
//	certmanager cainjector   writes their authority into webhook configurations
//
// The cluster is that of KUBECONFIG; its CRDs are in the module under deploy/crds.
// There is no leader election, because there is one of each, and cert-manager's
// webhook is left out: it validates what people write, and approves by policy.
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
	kubeconfig := os.Getenv("KUBECONFIG")
	if kubeconfig == "" {
		return fmt.Errorf("KUBECONFIG names no cluster")
	}
	if len(args) != 1 {
		return fmt.Errorf("there are %d arguments; say one of controller, cainjector", len(args))
	}
	switch args[0] {
	case "controller":
		return issue(ctx, kubeconfig)
	case "cainjector":
		return injectAuthorities(ctx, kubeconfig)
	default:
		return fmt.Errorf("there is no %q; say one of controller, cainjector", args[0])
	}
}
