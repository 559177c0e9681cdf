// SPDX-License-Identifier: Apache-2.0

// Package helperimport makes a definition of a helper of a container as other injectors have it:
// in a pod or a workload, in a SidecarSet of OpenKruise, in a file or ConfigMap of the injectors
// of tumblr and ricoberger, or alone. It notes what it could not take over.
package helperimport
