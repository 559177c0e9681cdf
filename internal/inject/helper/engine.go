// SPDX-License-Identifier: Apache-2.0

package helper

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// OwnEngine is the name of our own program, of which every helper has one.
const OwnEngine = "pillion"

// Engine is another program that can do the work of a helper. It is the platform's choice,
// in a policy, and no annotation reaches it.
type Engine struct {
	Name      string                      // as a policy writes it
	Image     string                      // unless a policy names another
	User      int64                       // the one user that the image knows
	Resources corev1.ResourceRequirements // unless a policy has others
	// CheckImage says what is wrong with an image that a policy names; nil for nothing.
	CheckImage func(image string, at *field.Path) *field.Error
	// Cannot are the options that it cannot do unless their value is "false".
	Cannot []string
	// Build is what [Helper.Build] is for our own program.
	Build func(e *Editor, r *Request)
}
