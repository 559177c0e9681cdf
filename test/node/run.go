// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/inside"
	"github.com/pillion-dev/pillion/test/node/outside"
)

// run does what args ask for and returns the exit code.
func run(args []string) (int, error) {
	in, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Print(usage)
		return 0, nil
	}
	if err != nil {
		return 2, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	switch in.verb {
	case "run":
		return runCommand(ctx, in)
	case "up":
		err = up(ctx, in)
	case "supervise":
		err = supervise(ctx, in)
	case "check":
		err = outside.Check(in.policies)
	case "status":
		err = status(ctx)
	case "load":
		err = load(ctx, in.args)
	case "crash", "restart":
		err = fault(ctx, in)
	case "share":
		err = share(ctx, in.args[0])
	case "down":
		err = down(ctx)
	case "init":
		err = inside.Init(in.args[0])
	case "pieces":
		err = inside.Pieces(in.args[0], os.Stdout)
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

func (in invocation) options() outside.Options {
	return outside.Options{
		Images: in.images, KeepLogs: in.keepLogs, KubeletSync: in.sync,
		Nodes: in.nodes, NetworkPolicies: in.policies, Progress: os.Stderr,
	}
}
