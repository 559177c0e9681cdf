// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// The status annotation of a pod is written by Pillion as a rule, and by the author of the
// pod if they like: where the webhook is not called, and ever after. So it is taken for
// Pillion's only if all that is shown of it has the form that Pillion gives it.
var (
	formOfVersion = regexp.MustCompile(`^[0-9A-Za-z.+_-]{0,128}$`)
	formOfHash    = regexp.MustCompile(`^(sha256:[0-9a-f]{1,64})?$`)
	formOfReason  = regexp.MustCompile(`^[A-Z][A-Za-z]{0,63}$`)
	formOfName    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
)

// Bounds of a status, each far above what a pod that works can have.
const (
	longestStatus = 64 << 10 // bytes
	mostHelpers   = 64
	mostNames     = 256 // in one list
)

// readStatus reads the annotation; nil if it is not as Pillion writes it. Fields that a newer
// version may have are left aside.
func readStatus(text string) *inject.Status {
	var s inject.Status
	if len(text) > longestStatus || json.Unmarshal([]byte(text), &s) != nil {
		return nil
	}
	if s.Result != reason.Injected && s.Result != reason.Skipped ||
		!formOfVersion.MatchString(s.Version) || !optional(s.Policy) || !formOfHash.MatchString(s.PolicyHash) ||
		!reasons(append(s.Violations, s.Reason)) || !names(s.Renewed) || len(s.Helpers) > mostHelpers {
		return nil
	}
	for i := range s.Helpers {
		h := &s.Helpers[i]
		if !names([]string{h.Helper}) || !reasons([]reason.Reason{h.Reason}) || !optional(h.Instance) || !optional(h.Container) ||
			!names(h.Volumes) || !names(h.Containers) || !names(h.LeftOut) {
			return nil
		}
	}
	return &s
}

func names(all []string) bool {
	return len(all) <= mostNames && !slices.ContainsFunc(all, func(name string) bool { return !formOfName.MatchString(name) })
}

func optional(name string) bool { return name == "" || formOfName.MatchString(name) }

func reasons(all []reason.Reason) bool {
	return len(all) <= mostNames && !slices.ContainsFunc(all, func(r reason.Reason) bool { return !formOfReason.MatchString(string(r)) })
}
