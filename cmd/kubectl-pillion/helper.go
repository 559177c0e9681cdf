// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/helperimport"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

func newHelper() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "helper",
		Short: "Begin a definition of a helper",
		Long: `Begin a definition of a helper, which a platform brings beside its policies: init writes
one to fill in, import makes one of another injector's container template.`,
		// Without it cobra takes a misspelt verb for a question, and a pipeline goes on.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), nearmiss.DidYouMean(nearmiss.Nearest(args[0], []string{"init", "import"})))
		},
		DisableFlagsInUseLine: true,
	}
	cmd.AddCommand(newHelperInit(), newHelperImport())
	return cmd
}

type importOptions struct{ file, container, name string }

func newHelperImport() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import -f FILE|-",
		Short: "Make a definition of another injector's container",
		Long: `Make a definition of a helper of a container as other injectors have it: in a pod or a
workload, in a SidecarSet, in a configuration of the injectors of tumblr and ricoberger (or
the ConfigMap of one), or alone. What could not be taken over, and what is left to fill in,
is on the standard error output.

Exit codes: 0 there is a definition; 2 the file is wrong, or has several containers.`,
		Example: `  kubectl pillion helper import -f sidecars.yaml --container log-shipper >policies/log-shipper.yaml`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "file with the container, or - for the standard input")
	cmd.Flags().StringVar(&o.container, "container", "", "container to take, if there are several")
	cmd.Flags().StringVar(&o.name, "name", "", "name of the helper (default: the container's)")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json") // the flag is there
	return cmd
}

func (o *importOptions) run(in io.Reader, out, errOut io.Writer) error {
	if o.file == "" {
		return errors.New("which file? Name it with -f, such as -f sidecars.yaml, or - for the standard input")
	}
	data, err := o.read(in)
	if err != nil {
		return err
	}
	t, err := helperimport.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	if names := t.Names(); o.container == "" && len(names) > 1 {
		return fmt.Errorf("%s has the containers %s; name one with --container", o.file, strings.Join(names, ", "))
	} else if o.container == "" {
		o.container = names[0]
	}
	d, notes, err := t.Definition(o.container)
	if err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	if o.name != "" {
		d.Metadata.Name = o.name
	}
	text, err := helperimport.Write(d)
	if err != nil {
		return err
	}
	if _, err := (onlyPrintable{out}).Write(text); err != nil {
		return err
	}
	if _, err := defined.Parse(text); err != nil {
		for _, one := range apart(err) {
			notes = append(notes, one.Error())
		}
	}
	for _, note := range notes {
		fmt.Fprintln(errOut, "!", note)
	}
	return nil
}

func (o *importOptions) read(in io.Reader) ([]byte, error) {
	if o.file == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(o.file)
}

func newHelperInit() *cobra.Command {
	return &cobra.Command{
		Use:     "init NAME",
		Short:   "Write a definition to fill in",
		Long:    `Write a definition of a helper to fill in. It is right as it is, so that one can begin with it and lint each step.`,
		Example: `  kubectl pillion helper init log-shipper >policies/log-shipper.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(validation.IsDNS1123Label(args[0])) > 0 {
				return fmt.Errorf("%q is no name of a helper: lower-case letters, digits and '-'", args[0])
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), scaffold, args[0])
			return err
		},
	}
}

const scaffold = `# yaml-language-server: $schema=https://pillion-dev.github.io/pillion/schema/helper.schema.json
apiVersion: pillion.dev/v1alpha1
kind: Helper
metadata: {name: %[1]s}
spec:
  description: Says in a sentence what the helper does.
  options: # what pods can set, as %[1]s.pillion.dev/OPTION
  - {name: mount-path, type: absolute path, required: true, example: /data, description: Where the app finds it.}
  - {name: interval, type: duration, default: 10s, min: 1s, max: 1h, example: 30s, description: How often it works.}
  volumes:
  - {name: data, emptyDir: {sizeLimit: 256Mi}, app: {mountPath: {option: mount-path}}} # the app sees it there
  run: Sidecar # or Init: it has ended before the app starts
  container:
    image: registry.example/%[1]s:v1
    args: [--to=/data, {prefix: --interval=, option: interval}] # no templates, and no shell
    mounts: [{volume: data, path: /data}]
    ports: [{name: http, port: 8099}]
    startupProbe: {httpGet: {path: /ready, port: http}} # the app starts after it
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: 200m, memory: 128Mi}}
`
