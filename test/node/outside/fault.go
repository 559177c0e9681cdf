// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/node/config"
)

// Crash ends all that runs on a node of the cluster whose files are in dir, and its
// network, at once. Its cable is cut first, because the kernel says goodbye for killed
// processes. The first node is the cluster, so it cannot be spared.
func Crash(ctx context.Context, dir string, number int) error {
	node, err := nodeOf(dir, number)
	if err != nil {
		return err
	}
	if number == 1 {
		return fmt.Errorf("node 1 has etcd, without which there is no cluster; node 2 can be lost")
	}
	pid, err := initOf(node)
	if err != nil {
		return err
	}
	first, err := nodeOf(dir, 1)
	if err != nil {
		return err
	}
	firstPID, err := initOf(first)
	if err != nil {
		return err
	}
	cut := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(firstPID), "--net", "ip", "link", "delete", node.Cable())
	if out, err := cut.CombinedOutput(); err != nil {
		return fmt.Errorf("the cable of %s cannot be cut: %w: %s", node.Name(), err, bytes.TrimSpace(out))
	}
	return endProcess(ctx, pid, unix.SIGKILL)
}

// RestartAPIServer tells the API server of a node to end, and returns when it has. The node
// starts it again.
func RestartAPIServer(ctx context.Context, dir string, number int) error {
	node, err := nodeOf(dir, number)
	if err != nil {
		return err
	}
	pid, err := find(func(args []string) bool { return args[0] == node.APIServer().Path })
	if err != nil {
		return fmt.Errorf("the API server of %s: %w", node.Name(), err)
	}
	return endProcess(ctx, pid, unix.SIGTERM)
}

func nodeOf(dir string, number int) (config.Node, error) {
	first, err := config.Load(dir)
	if err != nil {
		return first, err
	}
	all := first.All()
	if number < 1 || number > len(all) {
		return first, fmt.Errorf("there is no node %d; there are 1 to %d", number, len(all))
	}
	return all[number-1], nil
}

// initOf is the number of a node's first process, which has its namespaces.
func initOf(n config.Node) (int, error) {
	pid, err := find(func(args []string) bool { return slices.Equal(args, []string{"/proc/self/exe", "init", n.Dir}) })
	if err != nil {
		return 0, fmt.Errorf("the first process of %s: %w", n.Name(), err)
	}
	return pid, nil
}

// find is the number of the process whose command line is. The names of directories in
// it are those of one node only.
func find(is func(args []string) bool) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || len(text) == 0 { // it has ended
			continue
		}
		var args []string
		for arg := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte{0}), []byte{0}) {
			args = append(args, string(arg))
		}
		if is(args) {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, os.ErrProcessDone
}

// endProcess sends a signal, and waits until the process has ended.
func endProcess(ctx context.Context, pid int, signal unix.Signal) error {
	// Its number cannot become another's meanwhile.
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil {
		return err
	}
	for {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Second/time.Millisecond))
		switch {
		case ready > 0:
			return nil
		case err != nil && err != unix.EINTR:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}
