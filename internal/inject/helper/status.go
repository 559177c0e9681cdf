// SPDX-License-Identifier: Apache-2.0

package helper

import "github.com/pillion-dev/pillion/internal/inject/reason"

// Status says what one helper put into the pod, and why it is there.
type Status struct {
	Helper     string   `json:"helper"`
	Instance   string   `json:"instance,omitempty"`
	Container  string   `json:"container,omitempty"` // none, if the helper adds settings and volumes only
	Volumes    []string `json:"volumes,omitempty"`
	Settings   []string `json:"settings,omitempty"` // of the pod or its containers
	Containers []string `json:"containers"`         // the app's containers that take part
	// LeftOut are containers that another webhook added later and that cannot take part.
	LeftOut []string      `json:"leftOut,omitempty"`
	Reason  reason.Reason `json:"reason"`
}
