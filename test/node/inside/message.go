// SPDX-License-Identifier: Apache-2.0

package inside

import (
	"encoding/json"
	"io"
)

// A Message goes from the inside of the node to the outside, as a line of JSON.
// One field is set.
type Message struct {
	Progress string `json:",omitempty"` // what has been done
	Ready    bool   `json:",omitempty"` // a pod can run now
	Error    string `json:",omitempty"` // the node is of no use
}

// Report writes a message. If nobody reads it, the lifeline has ended too.
func Report(w io.Writer, m Message) { _ = json.NewEncoder(w).Encode(m) }
