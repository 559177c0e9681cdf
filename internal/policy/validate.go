// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// imageReference is the grammar of a reference as far as a mistake in it would reach
// a pod: no whitespace, an optional registry, tag and digest.
var imageReference = regexp.MustCompile(`^(?:` + imageDomain + `/)?` + imagePath + `(?:/` + imagePath + `)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$`)

// The parts of a reference, as in github.com/distribution/reference.
const (
	imageDomain = `(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?`
	imagePath   = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
)

// validate checks a policy with its defaults filled in and compiles it.
func validate(p *InjectionPolicy, known *helper.Set) (*inject.Policy, field.ErrorList) {
	var errs field.ErrorList
	if p.APIVersion != APIVersion {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), p.APIVersion, []string{APIVersion}))
	}
	if p.Kind != Kind {
		errs = append(errs, field.NotSupported(field.NewPath("kind"), p.Kind, []string{Kind}))
	}
	name := field.NewPath("metadata", "name")
	switch {
	case p.Metadata.Name == "":
		errs = append(errs, field.Required(name, "a namespace picks the policy by this name"))
	case len(validation.IsDNS1123Label(p.Metadata.Name)) > 0:
		errs = append(errs, field.Invalid(name, p.Metadata.Name, "must be at most 63 lower-case letters, digits or '-', since it is the value of a label"))
	case p.Metadata.Name == inject.NoPolicy:
		errs = append(errs, field.Forbidden(name, "is what namespaces get whose label names no policy; choose another name"))
	}
	spec := field.NewPath("spec")
	out := &inject.Policy{Name: p.Metadata.Name, Known: known, Helpers: map[string]*rule.Helper{}}
	out.HostNetwork = p.Spec.HostNetwork == "Allow"
	if s := p.Spec.HostNetwork; s != "Allow" && s != "Deny" {
		errs = append(errs, field.NotSupported(spec.Child("hostNetwork"), s, []string{"Allow", "Deny"}))
	}
	out.Warn = p.Spec.Enforcement == "Warn"
	if s := p.Spec.Enforcement; s != "Deny" && s != "Warn" {
		errs = append(errs, field.NotSupported(spec.Child("enforcement"), s, []string{"Deny", "Warn"}))
	}
	errs = append(errs, validateClasses(&p.Spec.RuntimeClasses, spec.Child("runtimeClasses"))...)
	out.GVisor, out.DeniedClasses = p.Spec.RuntimeClasses.GVisor, p.Spec.RuntimeClasses.Deny
	errs = append(errs, validateImage(spec, p.Spec.Image, p.Spec.PullPolicy, p.Spec.ImagePullSecrets)...)
	_, more := validateIDs(spec, p.Spec.RunAsUser, p.Spec.RunAsGroup)
	errs = append(errs, more...)
	for _, name := range slices.Sorted(maps.Keys(p.Spec.Helpers)) {
		at := spec.Child("helpers").Key(name)
		h := known.Find(name)
		if h == nil {
			errs = append(errs, field.NotFound(at, fmt.Sprintf("%s; the helpers of this version are %s%s", name, known, nearmiss.DidYouMean(nearmiss.Nearest(name, known.Names())))))
			continue
		}
		errs = append(errs, validatePrivileges(h, p.Spec.Helpers[name].Privileges, at.Child("privileges"))...)
		offering, compiled, more := validateHelper(h, p.Spec.Helpers[name], at)
		out.Known = out.Known.With(offering)
		out.Helpers[name] = compiled
		errs = append(errs, more...)
		errs = append(errs, validateEngine(h, p.Spec.Helpers[name], compiled.Rules, p.Spec.Image, at)...)
	}
	if out.Warn {
		out.Unlisted = unlisted(&p.Spec, known)
	}
	out.Limits, more = validateLimits(&p.Spec.Limits, known, out.Helpers, spec.Child("limits"))
	errs = append(errs, more...)
	if errs = append(errs, validateAdditions(&p.Spec, out, spec)...); len(errs) == 0 {
		errs = tryAdditions(out, spec)
	}
	return out, errs
}

// unlisted compiles the helpers that a policy does not list, as if it listed their names.
// Their mistakes are the policy's own, which have been reported.
func unlisted(s *Spec, known *helper.Set) map[string]*rule.Helper {
	all := map[string]*rule.Helper{}
	for _, h := range known.All() {
		if s.Helpers[h.Name] == nil && len(h.Privileges) == 0 { // what needs privileges has to be listed with them
			bare := &Helper{}
			s.complete(h, bare)
			_, all[h.Name], _ = validateHelper(h, bare, nil)
		}
	}
	return all
}

func validateClasses(c *RuntimeClasses, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, list := range []struct {
		name  string
		names []string
	}{{"gvisor", c.GVisor}, {"deny", c.Deny}} {
		for i, name := range list.names {
			if len(validation.IsDNS1123Subdomain(name)) > 0 {
				errs = append(errs, field.Invalid(at.Child(list.name).Index(i), name, "must be the name of a RuntimeClass, such as gvisor"))
			}
		}
	}
	return errs
}

// validateHelper compiles what a policy says of a helper. It returns the helper with the options
// that there are only where a policy has bounds for them.
func validateHelper(h *helper.Helper, spec *Helper, at *field.Path) (*helper.Helper, *rule.Helper, field.ErrorList) {
	errs := validateImage(at, spec.Image, spec.PullPolicy, spec.ImagePullSecrets)
	out := &rule.Helper{
		Engine: spec.Engine, Image: spec.Image, PullPolicy: spec.PullPolicy, Resources: spec.Resources.ResourceRequirements,
	}
	for _, name := range spec.ImagePullSecrets {
		out.PullSecrets = append(out.PullSecrets, corev1.LocalObjectReference{Name: name})
	}
	errs = append(errs, validateResources(&spec.Resources.ResourceRequirements, at.Child("resources"))...)
	writeOut(&spec.Resources.ResourceRequirements)
	offered, rules, more := spec.Resources.offered(at.Child("resources"))
	out.Rules, errs = rules, append(errs, more...)
	h = h.Offering(offered)
	ids, more := validateIDs(at, spec.RunAsUser, spec.RunAsGroup)
	out.RunAsUser, out.RunAsGroup = ids[0], ids[1]
	errs = append(errs, more...)
	out.Reach, more = validateReach(h, spec, at)
	errs = append(errs, more...)
	if spec.VolumeSizeLimit != "" && !h.FillsVolume {
		errs = append(errs, field.Forbidden(at.Child("volumeSizeLimit"), "the volume of "+h.Name+" follows from its options; remove it"))
	} else if spec.VolumeSizeLimit != "" {
		q, err := resource.ParseQuantity(spec.VolumeSizeLimit)
		if err != nil || q.Sign() <= 0 {
			errs = append(errs, field.Invalid(at.Child("volumeSizeLimit"), spec.VolumeSizeLimit, "must be a positive quantity of bytes, such as 4Gi"))
		} else {
			spec.VolumeSizeLimit = q.String()
		}
		out.VolumeSize = q
	}
	out.Secrets, more = rule.CompileSecrets(spec.Secrets, h.Option("secret"), h.Option("repo"), at.Child("secrets"))
	errs = append(errs, more...)
	for _, name := range slices.Sorted(maps.Keys(spec.Options)) {
		path := at.Child("options").Key(name)
		o := h.Option(name)
		if name == helper.CPU || name == helper.Memory {
			errs = append(errs, field.Forbidden(path, fmt.Sprintf("is said under resources: {%s: {default: …, max: …}}", name)))
			continue
		}
		if o == nil {
			errs = append(errs, field.NotFound(path, fmt.Sprintf("%s; %s has the options %s", name, h.Name, strings.Join(h.OptionNames(), ", "))))
			continue
		}
		r, more := spec.Options[name].Compile(o, path)
		out.Rules[name] = r
		errs = append(errs, more...)
		if len(more) == 0 { // the canonical form
			spec.Options[name] = r.Spec()
		}
	}
	return h, out, errs
}

const notAnImage = "must be an image reference, such as registry.example/pillion-helper:v1 or one with @sha256:…"

func validateImage(at *field.Path, image string, pull corev1.PullPolicy, secrets []string) field.ErrorList {
	var errs field.ErrorList
	if !imageReference.MatchString(image) {
		errs = append(errs, field.Invalid(at.Child("image"), image, notAnImage))
	}
	policies := []corev1.PullPolicy{corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}
	if !slices.Contains(policies, pull) {
		errs = append(errs, field.NotSupported(at.Child("pullPolicy"), pull, policies))
	}
	for i, name := range secrets {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			errs = append(errs, field.Invalid(at.Child("imagePullSecrets").Index(i), name, "must be the name of a Secret, which has to exist in each namespace"))
		}
	}
	return errs
}
