// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"context"
	"fmt"
	"net"

	"github.com/pillion-dev/pillion/test/node/config"
)

// Share has each node of the cluster whose files are in dir reach an address of this
// machine, such as 127.0.0.1:5000, at the same address, until ctx ends. An image in a
// registry there has the same name for the machine and for the nodes.
func Share(ctx context.Context, dir, address string) error {
	first, err := config.Load(dir)
	if err != nil {
		return err
	}
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
	for _, node := range first.All() {
		pid, err := initOf(node)
		if err != nil {
			return err
		}
		listener, err := inNetwork(pid, func() (net.Listener, error) { return new(net.ListenConfig).Listen(ctx, "tcp", address) })
		if err != nil {
			return fmt.Errorf("%s: %w", node.Name(), err)
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		go func() { _ = forward(ctx, listener, dial) }() // it ends when the listener does
	}
	return nil
}
