// SPDX-License-Identifier: Apache-2.0

package helper

// Options that several helpers have, and that mean the same with each of them.
const (
	MountPath   = "mount-path"   // where the app's containers see the helper's volume
	Containers  = "containers"   // which containers take part
	Position    = "position"     // first or last among the init containers
	Wait        = "wait"         // the app starts only after the helper is up
	WaitTimeout = "wait-timeout" // how long that may take
	Mode        = "mode"
	MetricsPort = "metrics-port"
)
