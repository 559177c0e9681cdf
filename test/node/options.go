// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const usage = `Run a Kubernetes node on this machine, in namespaces of its own. Needs root.

  go run ./test/node run [flags] -- COMMAND...   start one, run COMMAND, stop it
  go run ./test/node up [flags]                  start one and leave it running
  go run ./test/node check                       say what this machine lacks for one
  go run ./test/node status                      say whether that one is up
  go run ./test/node load FILE...                give it more images
  go run ./test/node crash N                     end all of its node N at once
  go run ./test/node restart N                   restart the API server of its node N
  go run ./test/node share ADDRESS               let it reach this address of the machine, such as
                                                 127.0.0.1:5000, until standard input ends
  go run ./test/node down                        stop it

COMMAND finds the node's kubeconfig in KUBECONFIG and E2E_KUBECONFIG, kubectl at
the end of its PATH, and its exit code is that of "run". E2E_KUBECONFIGS are the
kubeconfigs of all API servers, separated by colons. A "load", "crash", "restart" or
"share" in it means its own node.

Flags:
  --image FILE      import this archive of images before the node is ready
                    (an OCI layout or "docker save"); may be repeated
  --keep-logs DIR   leave the logs in a new directory in DIR; without it, only
                    the logs of a node that fails are kept
  --kubelet-sync DURATION
                    how often the kubelet brings changed Secrets to pods: 5s, or
                    its own default, 1m, to see what users will see
  --nodes N         1, or 2: a second node with an API server of its own
  --network-policies
                    enforce NetworkPolicies, by kube-router; also for "check"
`

// An invocation is what a user asked for.
type invocation struct {
	verb     string
	images   []string
	keepLogs string
	sync     time.Duration // of the kubelet; 0 if it was not given
	nodes    int
	policies bool     // of the network are enforced
	args     []string // COMMAND, files to load, the number of a node, or an address
}

// errHelp means that the user asked for usage.
var errHelp = errors.New("help")

func parse(args []string) (invocation, error) {
	if len(args) == 0 {
		return invocation{}, errors.New(`which one of run, up, check, status, load, crash, restart, share, down? "node help" explains them`)
	}
	in := invocation{verb: args[0]}
	fs := flag.NewFlagSet(in.verb, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	if in.starts() {
		fs.Func("image", "", func(file string) error {
			in.images = append(in.images, file)
			return nil
		})
		fs.StringVar(&in.keepLogs, "keep-logs", "", "")
		fs.DurationVar(&in.sync, "kubelet-sync", 0, "")
		fs.IntVar(&in.nodes, "nodes", 1, "")
	}
	if in.starts() || in.verb == "check" {
		fs.BoolVar(&in.policies, "network-policies", false, "")
	}
	err := fs.Parse(args[1:])
	in.args = fs.Args()
	switch {
	case errors.Is(err, flag.ErrHelp) || slices.Contains([]string{"help", "-h", "-help", "--help"}, in.verb):
		return in, errHelp
	case err != nil:
		return in, fmt.Errorf("%s: %w", in.verb, err)
	}
	return in, in.check()
}

// check looks at what follows the flags.
func (in invocation) check() error {
	switch in.verb {
	case "run":
		if len(in.args) == 0 {
			return errors.New("run: a command is missing: run [flags] -- COMMAND")
		}
	case "crash", "restart":
		if _, err := in.number(); err != nil {
			return err
		}
	case "load":
		if len(in.args) == 0 {
			return errors.New("load: a file is missing: load FILE")
		}
	case "share":
		if len(in.args) != 1 {
			return errors.New("share: an address is missing: share ADDRESS")
		}
		if a, err := netip.ParseAddrPort(in.args[0]); err != nil || !a.Addr().IsLoopback() {
			return fmt.Errorf("share: %q is not a port of this machine's own, such as 127.0.0.1:5000", in.args[0])
		}
	case "init", "pieces":
		if len(in.args) != 1 {
			return fmt.Errorf("%s is for the node itself; use run or up", in.verb)
		}
	case "up", "supervise", "check", "status", "down":
		if len(in.args) > 0 {
			return fmt.Errorf("%s takes no argument, but got %q", in.verb, strings.Join(in.args, " "))
		}
	default:
		return fmt.Errorf("there is no %q; there are run, up, check, status, load, crash, restart, share and down", in.verb)
	}
	if in.nodes < 0 || in.nodes > 2 || in.nodes == 0 && in.starts() {
		return fmt.Errorf("%s: --nodes is %d; allowed values: 1, 2", in.verb, in.nodes)
	}
	return nil
}

func (in invocation) starts() bool {
	return slices.Contains([]string{"run", "up", "supervise"}, in.verb)
}

// number is the node that is meant.
func (in invocation) number() (int, error) {
	if len(in.args) != 1 {
		return 0, fmt.Errorf("%s: the number of a node is missing: %[1]s N", in.verb)
	}
	number, err := strconv.Atoi(in.args[0])
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not the number of a node, such as 2", in.verb, in.args[0])
	}
	return number, nil
}

// flags are those that make parse return the same.
func (in invocation) flags() []string {
	args := []string{
		"--keep-logs=" + in.keepLogs, "--kubelet-sync=" + in.sync.String(),
		"--nodes=" + strconv.Itoa(in.nodes), "--network-policies=" + strconv.FormatBool(in.policies),
	}
	for _, file := range in.images {
		args = append(args, "--image="+file)
	}
	return args
}
