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
}

// Invalid is the problem that a field has a wrong value.
func Invalid(reason Reason, path *field.Path, value any, format string, args ...any) Problem {
	return Problem{reason, field.Invalid(path, value, fmt.Sprintf(format, args...))}
}

// Forbidden is the problem that a field must not be there, or not be set like this.
func Forbidden(reason Reason, path *field.Path, format string, args ...any) Problem {
	return Problem{reason, field.Forbidden(path, fmt.Sprintf(format, args...))}
}

// Missing is the problem that a field has to be there and is not.
func Missing(path *field.Path, format string, args ...any) Problem {
	return Problem{MissingOption, field.Required(path, fmt.Sprintf(format, args...))}
}
