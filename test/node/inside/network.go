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

// network gives the node an address, and a way to Services, whose packets
// kube-proxy redirects before they would leave. There is no way out.
func network() error {
	const dev = "node0"
	for _, args := range []string{
		"link set lo up",
		"link add " + dev + " type bridge",
		"address add " + config.IP + "/32 dev " + dev,
		"link set " + dev + " up",
		"route add " + config.ServiceCIDR + " dev " + dev + " src " + config.IP,
	} {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput() //nolint:noctx // it does not wait for anything
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, bytes.TrimSpace(out))
		}
	}
	return nil
}
