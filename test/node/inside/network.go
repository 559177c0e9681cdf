// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"

	"github.com/pillion-dev/pillion/test/node/config"
)

// dev is the link between nodes. On the first it is a bridge, and on the second the
// end of a cable whose other end [plugIn] puts into that bridge.
const dev = "node0"

// network gives the node an address, a way to Services, whose packets kube-proxy
// redirects before they would leave, and one to the pods of the other node. There is
// no way out.
func network(n config.Node) error {
	steps := []string{"link set lo up"}
	if n.Number == 1 {
		steps = append(steps, "link add "+dev+" address "+n.MAC()+" type bridge")
	}
	steps = append(steps,
		"address add "+n.IP()+"/24 dev "+dev,
		"link set "+dev+" up",
		"route add "+config.ServiceCIDR+" dev "+dev+" src "+n.IP())
	for _, other := range n.Others() {
		// The address is fixed, so that packets to a node that is gone are lost without
		// a word, as they are in the networks of clouds.
		steps = append(steps,
			"neighbour add "+other.IP()+" lladdr "+other.MAC()+" dev "+dev+" nud permanent",
			"route add "+other.PodCIDR()+" via "+other.IP())
	}
	return ip(steps...)
}

// plugIn connects the network of the process pid, which is another node, to this one's.
func plugIn(other config.Node, pid int) error {
	port := other.Cable()
	return ip(
		fmt.Sprintf("link add %s type veth peer name %s address %s netns %d", port, dev, other.MAC(), pid),
		"link set "+port+" master "+dev+" up",
	)
}

// ip runs the command of that name once for each line of arguments.
func ip(lines ...string) error {
	for _, args := range lines {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput() //nolint:noctx // it does not wait for anything
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, bytes.TrimSpace(out))
		}
	}
	return nil
}
