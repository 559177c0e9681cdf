// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func newTry() *cobra.Command {
	var o tryOptions
	cmd := &cobra.Command{
		Use:   "try (-f FILE|DIR|URL|- | -k DIR)",
		Short: "Fetch here what git-poller would fetch in a pod, before it is applied",
		Long: `Fetch here what git-poller would fetch in a pod, before it is applied: with the command
line that the webhook would write, by the same code, into a temporary directory that is
removed. It says which commit would be published, with how many files and bytes, or why
the first checkout would fail.

Secrets and ConfigMaps that a git-poller mounts are read from the files; --auth-dir
replaces its Secret. --live reads what is missing there from the cluster, with your own
rights, and the policy of the namespace as well. It sends the Secret to the repository
that the annotations name, as the pod would: read a file from somebody else first.

Servers are reached from this machine; the network, name server and egress rules of a pod
may differ. With the engine git-sync nothing is fetched.

Exit codes: 0 all would be published; 1 a first checkout would fail, or a pod would be
denied; 2 a file, a flag or a policy is wrong, the files have no git-poller, or a Secret
or ConfigMap cannot be read.`,
		Example: `  # does the URL work, and is the branch there?
  kubectl pillion try -f web.yaml

  # with the policy and the Secret of the cluster
  kubectl pillion try -f web.yaml --live -n shop

  # with a Secret's keys as files: password, or ssh-privatekey and known_hosts
  kubectl pillion try -f web.yaml --auth-dir ./site-credentials`,
		Args: filesByFlag,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM) // or the temporary directories stay
			defer stop()
			return o.run(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	o.inputs.bind(cmd)
	policyFlag(cmd, &o.policy, policyHelp+" (default: the built-in policy, or with --live those of the cluster)")
	flags.StringVar(&o.authDir, "auth-dir", "", "directory with the keys of the git-poller's Secret as files, instead of the Secret")
	flags.BoolVar(&o.direct, "direct", false, "reach servers without the policy's proxy")
	flags.BoolVar(&o.live, "live", false, "read from the cluster what is not in the files: policies, Secrets and ConfigMaps")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "time that one repository may take")
	_ = cmd.MarkFlagDirname("auth-dir") // the flag is there
	outputFlag(cmd, &o.output)
	o.cluster.Bind(flags)
	return cmd
}

func (o *tryOptions) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	log.SetOutput(io.Discard) // net/http logs what a server sends unasked, which can be the credentials
	documents, err := o.inputs.read(ctx, in)
	if err != nil {
		return err
	}
	t, err := o.trial(ctx, documents)
	if err != nil {
		return err
	}
	if err := rejected(documents); err != nil {
		return err
	}
	if err := notes(errOut, t.policies.Known(), documents, true); err != nil {
		return err
	}
	denied, err := t.collect(ctx, documents, errOut)
	if err != nil {
		return err
	}
	switch {
	case len(t.trials) == 0 && denied:
		return errRefused
	case len(t.trials) == 0:
		return errors.New("there is no git-poller to try in these files")
	}
	if err := t.oneSecret(); err != nil {
		return err
	}
	results := make([]tried, len(t.trials))
	for i := range t.trials {
		if results[i], err = t.try(ctx, &t.trials[i]); err != nil {
			return err
		}
	}
	if err := printList(out, o.output, results, triedText); err != nil {
		return err
	}
	is := func(result string) bool {
		return slices.ContainsFunc(results, func(r tried) bool { return r.Result == result })
	}
	switch {
	case denied || is(wouldFail):
		return errRefused
	case is(notKnown):
		return errUnseen
	}
	return nil
}

func (o *tryOptions) check() error {
	switch {
	case o.timeout <= 0:
		return fmt.Errorf("--timeout %v: must be more than 0", o.timeout)
	case o.authDir != "":
		if info, err := os.Stat(o.authDir); err != nil {
			return fmt.Errorf("--auth-dir: %w", err)
		} else if !info.IsDir() {
			return fmt.Errorf("--auth-dir %s: must be a directory with the Secret's keys as files", o.authDir)
		}
	}
	return checkOutput(o.output)
}

// trial prepares what is known of policies, namespaces, Secrets and ConfigMaps.
func (o *tryOptions) trial(ctx context.Context, documents []*document) (*trial, error) {
	t := &trial{tryOptions: o, namespace: "default", namespaces: namespacesIn(documents)}
	var err error
	if t.inFiles, err = mountables(documents); err != nil {
		return nil, err
	}
	if !o.live {
		t.policies, err = policiesAt(o.policy)
		return t, err
	}
	if t.cluster, err = look(ctx, &o.cluster, o.policy); err != nil {
		return nil, err
	}
	t.policies, t.namespace = t.cluster.policies, t.cluster.client.Namespace
	return t, nil
}
