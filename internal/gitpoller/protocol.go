// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"bytes"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// ChildArg is the first argument of a child process: see [Child] and [ServeChild].
const ChildArg = "git-fetch"

// outcome is what a child writes to its standard output.
type outcome struct {
	Result gitfetch.Result `json:"result"`
	Error  *gitfetch.Error `json:"error,omitempty"`
	// Stays says that the child waits for another request, with its connection.
	Stays bool `json:"stays,omitempty"`
}

type childRequest struct {
	gitfetch.Request
	Memory int64 `json:"memory"`
}

// head keeps the beginning of what is written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), max(0, h.limit-h.Len()))])
	return len(p), nil
}
