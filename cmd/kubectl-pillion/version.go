// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/version"
)

type versionOptions struct {
	output  string
	client  bool
	cluster cluster.Flags
}

// versions are those of the two sides.
type versions struct {
	Client    string `json:"client"`
	Webhook   string `json:"webhook,omitempty"`
	Namespace string `json:"namespace,omitempty"` // of the webhook
	Unknown   string `json:"unknown,omitempty"`   // why the webhook's version is not known
}

func newVersion() *cobra.Command {
	var o versionOptions
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this command and of the cluster's webhook",
		Long: `Print the versions of this command and of the cluster's webhook. That is the tag of the
image in the webhook's Deployment.

Exit codes: 0 both are known, or --client was given; 2 the webhook's is not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout())
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&o.client, "client", false, "print the version of this command alone, without calling a cluster")
	outputFlag(cmd, &o.output)
	o.cluster.Bind(cmd.Flags())
	return cmd
}

func (o *versionOptions) run(ctx context.Context, out io.Writer) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	v := versions{Client: version.String()}
	if !o.client {
		var err error
		if v.Namespace, v.Webhook, err = o.webhook(ctx); err != nil {
			v.Unknown = err.Error()
		}
	}
	if err := printList(out, o.output, []versions{v}, versionText); err != nil {
		return err
	}
	if v.Unknown != "" {
		return errUnseen
	}
	return nil
}

// webhook finds the webhook that a cluster calls and the version of its image.
func (o *versionOptions) webhook(ctx context.Context) (namespace, tag string, err error) {
	client, err := o.cluster.Connect()
	if err != nil {
		return "", "", err
	}
	configurations, err := client.Webhooks(ctx)
	if err != nil {
		return "", "", err
	}
	webhooks, _ := explain.WebhooksOf(configurations)
	if len(webhooks) == 0 {
		return "", "", errors.New("there is no webhook of Pillion in the cluster")
	}
	w := webhooks[len(webhooks)-1]
	if w.Service == "" {
		return "", "", fmt.Errorf("the webhook %s is called by a URL, so its version is not in the cluster", w.Name)
	}
	found, err := client.PolicyFiles(ctx, w.Service)
	if found.Version != "" {
		return w.Service, found.Version, nil
	}
	if err == nil {
		err = errors.New("its image has no tag")
	}
	return w.Service, "", err
}

func versionText(b *strings.Builder, all []versions) {
	v := &all[0]
	rows := [][]string{{"kubectl pillion", v.Client}}
	switch {
	case v.Unknown != "":
		rows = append(rows, []string{"webhook", "not known: " + v.Unknown})
	case v.Webhook != "":
		rows = append(rows, []string{"webhook", v.Webhook + " (namespace " + v.Namespace + ")"})
	}
	table(b, "", rows)
}
