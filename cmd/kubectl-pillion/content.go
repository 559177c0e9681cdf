// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// poller is a container in which a git-poller runs.
type poller struct {
	namespace, pod, container string
	hidden                    bool // from all processes of its pod, and so from its own verbs
}

// content is what a git-poller publishes, by its own account.
type content struct {
	Container string            `json:"container"`
	Status    *gitstatus.Status `json:"status,omitempty"`
	Error     string            `json:"error,omitempty"`   // why there is no status
	FromLog   bool              `json:"fromLog,omitempty"` // the status is what the end of its log tells
	forbidden bool
	namespace string
	pod       string
}
