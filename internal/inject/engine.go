// SPDX-License-Identifier: Apache-2.0

package inject

import "slices"

// Engine is the program that does the work of a helper. It is the platform's choice, in
// a policy, and no annotation reaches it.
type Engine string

// The engines.
const (
	EnginePillion Engine = "pillion"  // our own program, of which every helper has one
	EngineGitSync Engine = "git-sync" // the one of kubernetes/git-sync, for git-poller
)

// GitSyncUser is the number of the only user that git-sync's image knows by name. ssh
// does not run for one whom it cannot look up (kubernetes/git-sync, Dockerfile.in).
const GitSyncUser int64 = 65533

// EngineNames are the engines of a helper as a policy writes them, the default first.
func (h *Helper) EngineNames() []string {
	names := []string{string(EnginePillion)}
	for _, e := range h.Engines {
		names = append(names, string(e))
	}
	return names
}

// HasEngine tells whether a policy can choose an engine for a helper.
func (h *Helper) HasEngine(e Engine) bool { return slices.Contains(h.EngineNames(), string(e)) }
