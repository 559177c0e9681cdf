// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// completeEngine fills in what an engine does not take from all helpers: its image is no
// other helper's, and its image knows one user only.
func (s *Spec) completeEngine(h *Helper, engine *helper.Engine) {
	user := ID(strconv.FormatInt(engine.User, 10))
	setDefault(&h.Image, engine.Image)
	if h.RunAsUser == "" && s.RunAsUser != FromNamespace {
		h.RunAsUser = user
		setDefault(&h.RunAsGroup, user)
	}
	h.completeResources(engine.Resources)
}

// validateEngine checks that a helper has the engine, that the engine has an image of its
// own, and that no rule gives every pod what the engine cannot do.
func validateEngine(h *helper.Helper, spec *Helper, rules map[string]*rule.Rule, helpers string, at *field.Path) field.ErrorList {
	path := at.Child("engine")
	engine := h.Engine(spec.Engine)
	switch {
	case spec.Engine == "":
		return nil
	case len(h.Engines) == 0:
		return field.ErrorList{field.Forbidden(path, h.Name+" has no engine to choose; remove it")}
	case engine == nil:
		names := h.EngineNames()
		return field.ErrorList{field.Invalid(path, spec.Engine, "must be one of "+strings.Join(names, ", ")+nearmiss.DidYouMean(nearmiss.Nearest(spec.Engine, names)))}
	}
	var errs field.ErrorList
	if spec.Image == helpers || spec.Image == DefaultImage {
		errs = append(errs, field.Invalid(at.Child("image"), spec.Image, fmt.Sprintf("is the image of the other helpers, in which there is no %[1]s; name one of %[1]s, or leave it out for %[2]s", engine.Name, engine.Image)))
	} else if err := engine.CheckImage(spec.Image, at.Child("image")); err != nil {
		errs = append(errs, err)
	}
	for _, cannot := range engine.Cannot {
		name, value, _ := strings.Cut(cannot, "=")
		r := rules[name]
		if r == nil {
			continue
		}
		if v := cmp.Or(r.Fixed, r.Default); v != nil && v.Text != "false" && (value == "" || v.Text == value) {
			errs = append(errs, field.Invalid(at.Child("options").Key(name), v.Text, fmt.Sprintf("would deny every pod, since the engine %s cannot do it; remove the rule, or the engine", engine.Name)))
		}
	}
	return errs
}
