// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// order is what to ask a server for.
type order struct {
	wants  []plumbing.Hash
	depth  int           // how many commits of history; 0 for all
	have   plumbing.Hash // a commit that we have without those before it; zero for none
	filter string        // what to leave out; only in version 2
}

// shallow are the lines that say where history is and is to be cut off, for servers
// that can cut it.
func (o order) shallow() (lines []string) {
	if !o.have.IsZero() {
		lines = append(lines, "shallow "+o.have.String())
	}
	if o.depth > 0 {
		lines = append(lines, fmt.Sprintf("deepen %d", o.depth))
	}
	return lines
}

// readShallow reads the lines that say where history was cut off.
func readShallow(in *packets, end packet) error {
	for {
		kind, err := in.next()
		switch {
		case err != nil:
			return broken(err, "answer", "before the pack")
		case kind == end:
			return nil
		case !bytes.HasPrefix(in.line, []byte("shallow ")) && !bytes.HasPrefix(in.line, []byte("unshallow ")):
			return failf(BadServer, "the server does not say where it cuts off history, but %s", foreign(string(in.line)))
		}
	}
}
