// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"slices"
	"strings"
)

// greeting is what a server says of itself when a conversation begins.
type greeting struct {
	// v2 says that it speaks version 2 of the protocol, in which refs are listed on
	// request (gitprotocol-v2(5)). Before that they are part of the greeting.
	v2           bool
	capabilities map[string]string
}

func (g *greeting) has(capability string) bool {
	_, ok := g.capabilities[capability]
	return ok
}

// first is the first of some capabilities that the server has, if it has one.
func (g *greeting) first(names ...string) string {
	i := slices.IndexFunc(names, g.has)
	if i < 0 {
		return ""
	}
	return names[i]
}

// fetches reports whether a feature can be asked for when something is fetched.
func (g *greeting) fetches(feature string) bool {
	if g.v2 {
		return slices.Contains(strings.Fields(g.capabilities["fetch"]), feature)
	}
	return g.has(feature)
}
