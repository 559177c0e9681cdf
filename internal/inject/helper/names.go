// SPDX-License-Identifier: Apache-2.0

package helper

import "github.com/pillion-dev/pillion/internal/inject/pod"

// Options that several helpers have, and that mean the same with each of them.
const (
	MountPath   = "mount-path"   // where the app's containers see the helper's volume
	Containers  = "containers"   // which containers take part
	Position    = "position"     // first or last among the init containers
	Wait        = "wait"         // the app starts only after the helper is up
	WaitTimeout = "wait-timeout" // how long that may take
	Mode        = "mode"
	MetricsPort = "metrics-port"
	Process     = "process" // one process namespace for the pod
)

// Paths inside a helper's container. No path that a user typed is among them.
const (
	Program    = "/pillion-helper"
	ContentDir = "/pillion/content"
	AuthDir    = "/pillion/auth"
	CADir      = "/pillion/ca"
	ExtraCADir = "/pillion/extra-ca"
	ProxyDir   = "/pillion/proxy"
	TokenDir   = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// NoTokenVolume is mounted over the place of the ServiceAccount token. The
// ServiceAccount admission plugin runs again after every webhook that changed a pod,
// and mounts the token into each container that has no mount at that path.
const NoTokenVolume = pod.ReservedPrefix + "no-token"

// Options by which a pod sets the helper's resources. A helper has them only under a policy that
// has bounds for them, so no definition may have options of these names.
const (
	CPU    = "cpu"
	Memory = "memory"
)
