// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// completeResources fills in what a helper has anyway where a policy has only bounds, or nothing.
func (h *Helper) completeResources(declared corev1.ResourceRequirements) {
	r := h.Resources
	switch {
	case r == nil:
		h.Resources = &Resources{ResourceRequirements: *declared.DeepCopy()}
	case r.Requests == nil && r.Limits == nil && (r.CPU != nil || r.Memory != nil):
		own := declared.DeepCopy()
		r.Requests, r.Limits = own.Requests, own.Limits
	}
}

// offered are the options by which pods set the helper's resources, where the policy has bounds.
func (r *Resources) offered(at *field.Path) (options []option.Option, rules map[string]*rule.Rule, errs field.ErrorList) {
	rules = map[string]*rule.Rule{}
	for _, one := range []struct {
		o      option.Option
		bounds *Bounds
	}{
		{option.Option{Name: helper.CPU, Kind: option.CPU, Example: "250m", Doc: "The limit of CPU; a request above it is lowered to it."}, r.CPU},
		{option.Option{Name: helper.Memory, Kind: option.Size, Example: "64Mi", Doc: "The request and the limit of memory."}, r.Memory},
	} {
		if one.bounds == nil {
			continue
		}
		compiled, more := one.bounds.rule(&one.o, r, at.Child(one.o.Name))
		if errs = append(errs, more...); len(more) > 0 {
			continue
		}
		options, rules[one.o.Name] = append(options, one.o), compiled
	}
	return options, rules, errs
}

// rule makes a rule of bounds and replaces them by their canonical form.
func (b *Bounds) rule(o *option.Option, r *Resources, at *field.Path) (*rule.Rule, field.ErrorList) {
	if b.Max == nil {
		return nil, field.ErrorList{field.Required(at.Child("max"), "say how much a pod may ask for; without bounds the platform alone sets the "+o.Name+" of a helper")}
	}
	out, errs := rule.Spec{Default: b.Default, Min: b.Min, Max: b.Max}.Compile(o, at)
	if len(errs) > 0 {
		return nil, errs
	}
	request, limit := r.Requests[corev1.ResourceName(o.Name)], r.Limits[corev1.ResourceName(o.Name)]
	if out.Min == nil {
		least, err := o.Parse(request.String())
		if err != nil { // said of the request itself
			return nil, nil
		}
		if out.Default != nil && out.Default.Number < least.Number {
			least = *out.Default
		}
		out.Min = &least
	}
	switch most := quantity(out.Max); {
	case out.Min.Number > out.Max.Number:
		errs = append(errs, field.Invalid(at.Child("max"), out.Max.Text, "is below the request that the helper has without it, "+request.String()+"; raise it, or set min or default"))
	case out.Default == nil && limit.Cmp(most) > 0:
		errs = append(errs, field.Invalid(at.Child("max"), out.Max.Text, "is below the limit that the helper has without it, "+limit.String()+"; raise it, or set default"))
	case out.Min.Number == 0:
		errs = append(errs, field.Invalid(at.Child("min"), out.Min.Text, "must be positive"))
	}
	*b = Bounds{Default: out.Spec().Default, Min: out.Spec().Min, Max: out.Spec().Max}
	return out, errs
}

func quantity(v *option.Value) resource.Quantity {
	q, _ := resource.ParseQuantity(v.Text) // canonical
	return q
}

// writeOut makes each quantity remember how it is written, or every review would have to
// find out again.
func writeOut(r *corev1.ResourceRequirements) {
	for _, list := range []corev1.ResourceList{r.Requests, r.Limits} {
		for name, q := range list {
			_ = q.String()
			list[name] = q
		}
	}
}

// validateResources wants CPU and memory requested and limited: a ResourceQuota on
// either denies a pod in which one container has none.
func validateResources(r *corev1.ResourceRequirements, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(r.Claims) > 0 {
		errs = append(errs, field.Forbidden(at.Child("claims"), "helpers do not take devices"))
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := r.Requests[name], r.Limits[name]
		switch {
		case request.Sign() <= 0:
			errs = append(errs, field.Required(at.Child("requests").Key(string(name)), "must be positive; every helper has CPU and memory requests and limits"))
		case limit.Sign() <= 0:
			errs = append(errs, field.Required(at.Child("limits").Key(string(name)), "must be positive; every helper has CPU and memory requests and limits"))
		case request.Cmp(limit) > 0:
			errs = append(errs, field.Invalid(at.Child("requests").Key(string(name)), request.String(), "is above the limit, "+limit.String()))
		}
	}
	for _, list := range []struct {
		name  string
		items corev1.ResourceList
	}{{"requests", r.Requests}, {"limits", r.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(list.items)) {
			if name != corev1.ResourceCPU && name != corev1.ResourceMemory {
				errs = append(errs, field.Forbidden(at.Child(list.name).Key(string(name)), "only cpu and memory can be set"))
			}
		}
	}
	return errs
}
