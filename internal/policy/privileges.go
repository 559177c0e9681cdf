// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// validatePrivileges wants each privilege that a helper needs to be allowed by name, and no
// other: one that is allowed and not needed would wait for the next change of the definition.
func validatePrivileges(h *helper.Helper, p *Privileges, at *field.Path) field.ErrorList {
	var allowed []string
	if p != nil {
		allowed = p.Allow
	}
	var errs field.ErrorList
	var missing []string
	for _, name := range h.Privileges {
		if !slices.Contains(allowed, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		errs = append(errs, field.Required(at.Child("allow"), fmt.Sprintf("%s needs %s; add privileges: {allow: [%s]}, or do not list the helper", h.Name, option.JoinAnd(missing), strings.Join(h.Privileges, ", "))))
	}
	for i, name := range allowed {
		if !h.Needs(name) {
			errs = append(errs, field.Invalid(at.Child("allow").Index(i), name, "is a privilege that "+h.Name+" does not need; remove it"+nearmiss.DidYouMean(nearmiss.Nearest(name, h.Privileges))))
		}
	}
	return errs
}
