// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"time"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// State is that of a pod in one word.
type State string

// The states, from good to bad.
const (
	Current State = "Current" // has what it asks for, as a pod made now would
	Drifted State = "Drifted" // has it from another version or policy
	Skipped State = "Skipped" // rightly has none: a Windows pod, say
	Waiting State = "Waiting" // has it, and the app waits for it
	Failing State = "Failing" // has it, and it cannot run
	Changed State = "Changed" // somebody changed or took away a part of what was added
	Missing State = "Missing" // asks for what it does not have
	None    State = "None"    // asks for nothing
)

// StateDoc is one row of the reference.
type StateDoc struct {
	State State
	Doc   string
}

// States lists the closed set with its documentation.
func States() []StateDoc {
	return []StateDoc{
		{Current, "The pod has what it requests, as far as can be told from what a pod made now would get."},
		{Drifted, "It has its helpers from another version or policy than pods made now. Recreate it when convenient."},
		{Skipped, "It opts out, or can have no helper, as a Windows pod; one that requests a helper in vain makes the exit code 1."},
		{Waiting, "The app waits for a helper that has not started, or has not done its work yet. A pod that has just been created passes through it."},
		{Failing, "A helper cannot run: its image, a volume, or its own error keeps it from it."},
		{Changed, "A part of what Pillion added is gone, or is not what Pillion adds."},
		{Missing, "It requests a helper that it does not have."},
	}
}

// Pod is a pod that exists.
type Pod struct {
	Namespace  string        `json:"namespace"`
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Helpers    []string      `json:"helpers"` // names of the containers that are there; of a helper without one, its own
	Version    string        `json:"version,omitempty"`
	Policy     string        `json:"policy,omitempty"`
	PolicyHash string        `json:"policyHash,omitempty"`
	Reason     reason.Reason `json:"reason,omitempty"` // of the status
	Created    time.Time     `json:"created"`
	Findings   []Finding     `json:"findings,omitempty"`
}

// Good reports whether the pod has all that it asks for.
func (p *Pod) Good() bool {
	return p.State == Current || p.State == Drifted || p.State == None || p.State == Skipped && !inVain(p.Reason)
}

// inVain are the reasons for which a pod that asks gets nothing.
func inVain(r reason.Reason) bool { return r == reason.WindowsPod || r == reason.MirrorPod }
