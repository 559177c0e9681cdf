// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
)

// checkAPI waits until a Certificate can be created, which takes the CRDs, the webhook and its
// authority. That is what "helm install" of cert-manager's chart waits for.
func checkAPI(ctx context.Context, kubeconfig string, args []string) error {
	flags := pflag.NewFlagSet("startupapicheck", pflag.ContinueOnError)
	patience := flags.Duration("wait", 0, "how long to wait")
	flags.CountP("verbose", "v", "say more, which this does anyway")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	checker, err := cmapichecker.New(config, os.Getenv("POD_NAMESPACE"))
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, time.Second, *patience, true, func(ctx context.Context) (bool, error) {
		if last = checker.Check(ctx); last != nil {
			fmt.Fprintln(os.Stderr, "not yet:", last)
		}
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("the API is not ready: %w", last)
	}
	return nil
}
