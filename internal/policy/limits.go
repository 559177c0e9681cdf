// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// validateLimits compiles the limits. One that the policy's own rules always exceed is a
// mistake.
func validateLimits(l *Limits, known *helper.Set, helpers map[string]*rule.Helper, at *field.Path) (inject.Limits, field.ErrorList) {
	var out inject.Limits
	var errs field.ErrorList
	if n := l.HelpersPerPod; n != nil {
		out.HelpersPerPod = int(min(*n, 1<<30))
		if *n < 1 {
			errs = append(errs, field.Invalid(at.Child("helpersPerPod"), *n, "must be a number from 1 on; remove it for no limit, or list no helper to allow none"))
		}
	}
	size := func(name string, text *string) resource.Quantity {
		if *text == "" {
			return resource.Quantity{}
		}
		q, err := resource.ParseQuantity(*text)
		if err != nil || q.Sign() <= 0 {
			errs = append(errs, field.Invalid(at.Child(name), *text, "must be a positive quantity of bytes, such as 4Gi; remove it for no limit"))
			return resource.Quantity{}
		}
		*text = q.String() // the canonical form
		return q
	}
	out.SharedMemory, out.VolumeSize = size("sharedMemory", &l.SharedMemory), size("volumeSize", &l.VolumeSize)
	for _, h := range known.All() {
		hp := helpers[h.Name]
		if hp != nil && !out.VolumeSize.IsZero() && hp.VolumeSize.Cmp(out.VolumeSize) > 0 {
			errs = append(errs, field.Invalid(at.Child("volumeSize"), l.VolumeSize, fmt.Sprintf("is less than the volume of one %s, %s; raise it, or lower volumeSizeLimit of the helper", h.Name, hp.VolumeSize.String())))
		}
	}
	if out.SharedMemory.IsZero() {
		return out, errs
	}
	for _, h := range known.All() {
		for i := range h.Options {
			o := &h.Options[i]
			if !o.SharedMemory || helpers[h.Name] == nil || helpers[h.Name].Rules[o.Name] == nil {
				continue
			}
			r := helpers[h.Name].Rules[o.Name]
			if v := cmp.Or(r.Fixed, r.Default, r.Min); v != nil && v.Bytes() > out.SharedMemory.Value() {
				errs = append(errs, field.Invalid(at.Child("sharedMemory"), l.SharedMemory, fmt.Sprintf("is less than the rule for %s of %s gives every pod, %s; raise it, or lower that", o.Name, h.Name, v.Text)))
			}
		}
	}
	return out, errs
}
