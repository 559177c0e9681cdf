// SPDX-License-Identifier: Apache-2.0

package reason

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Problem is one mistake in a pod, or one thing that a policy denies. Its text is a
// sentence with the full path of the field, the value, and what would be right.
type Problem struct {
	Reason Reason
	*field.Error
	// PolicyField is the field of the policy's spec that the platform team would change to allow
	// it, such as helpers.git-poller.options.repo; "" if it is not the policy's to allow, or the
	// text names it.
	PolicyField string
}

// Text is the problem with the remedy that the pod's author has to ask for.
func (p Problem) Text() string {
	if p.PolicyField == "" {
		return p.Error.Error()
	}
	return p.Error.Error() + "; the platform team can change this in the policy, spec." + p.PolicyField
}

// In is the problem with the field of the policy that decides it.
func (p Problem) In(policyField string) Problem {
	p.PolicyField = policyField
	return p
}

// Invalid is the problem that a field has a wrong value.
func Invalid(reason Reason, path *field.Path, value any, format string, args ...any) Problem {
	return Problem{Reason: reason, Error: field.Invalid(path, value, fmt.Sprintf(format, args...))}
}

// Forbidden is the problem that a field must not be there, or not be set like this.
func Forbidden(reason Reason, path *field.Path, format string, args ...any) Problem {
	return Problem{Reason: reason, Error: field.Forbidden(path, fmt.Sprintf(format, args...))}
}

// Missing is the problem that a field has to be there and is not.
func Missing(path *field.Path, format string, args ...any) Problem {
	return Problem{Reason: MissingOption, Error: field.Required(path, fmt.Sprintf(format, args...))}
}
