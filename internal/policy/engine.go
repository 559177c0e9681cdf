// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
)

// GitSyncImage is the image of the engine git-sync unless a policy names another.
const GitSyncImage = "registry.k8s.io/git-sync/git-sync:v4.7.1"

// completeGitSync fills in what the engine git-sync does not take from all helpers: its
// image is no other helper's, its image knows one user only, and git needs more memory for
// the repositories for which this engine is chosen.
func (s *Spec) completeGitSync(h *Helper) {
	user := ID(strconv.FormatInt(inject.GitSyncUser, 10))
	setDefault(&h.Image, GitSyncImage)
	if h.RunAsUser == "" && s.RunAsUser != FromNamespace {
		h.RunAsUser = user
		setDefault(&h.RunAsGroup, user)
	}
	if h.Resources == nil {
		h.Resources = defaultResources("git-poller")
		h.Resources.Requests[corev1.ResourceMemory] = resource.MustParse("64Mi")
		h.Resources.Limits[corev1.ResourceMemory] = resource.MustParse("512Mi")
	}
}

// validateEngine checks that a helper has the engine, that the engine has an image of its
// own, and that no rule gives every pod what the engine refuses.
func validateEngine(h *inject.Helper, spec *Helper, rules map[string]*inject.Rule, helpers string, at *field.Path) field.ErrorList {
	path, engine := at.Child("engine"), spec.Engine
	switch {
	case engine == "":
		return nil
	case len(h.Engines) == 0:
		return field.ErrorList{field.Forbidden(path, h.Name+" has no engine to choose; remove it")}
	case !h.HasEngine(engine):
		hint := ""
		if near := inject.Nearest(string(engine), h.EngineNames()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return field.ErrorList{field.Invalid(path, string(engine), "must be one of "+strings.Join(h.EngineNames(), ", ")+hint)}
	}
	var errs field.ErrorList
	if spec.Image == helpers || spec.Image == DefaultImage {
		errs = append(errs, field.Invalid(at.Child("image"), spec.Image, "is the image of the other helpers, in which there is no git-sync; name one of git-sync, or leave it out for "+GitSyncImage))
	} else if err := validateGitSyncImage(spec.Image, at.Child("image")); err != nil {
		errs = append(errs, err)
	}
	for _, name := range []string{"subdir", "writable"} {
		rule := rules[name]
		if rule == nil {
			continue
		}
		if v := cmp.Or(rule.Fixed, rule.Default); v != nil && v.Text != "false" {
			errs = append(errs, field.Invalid(at.Child("options").Key(name), v.Text, "is what every pod would be refused for, since the engine git-sync cannot do it; remove the rule, or the engine"))
		}
	}
	return errs
}

// imageVersion is a tag that looks like a version, with what a mirror adds to it.
var imageVersion = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-_.].*)?$`)

// gitSyncSince is the version whose flags the engine uses. --init-max-failures, one of them,
// is as new as v4.7.0 (kubernetes/git-sync, pull request 980).
var gitSyncSince = [3]int{4, 7, 1}

// validateGitSyncImage wants an image that stays what it is: by digest, or by a tag of a
// version from 4.7.1 on. A tag that is no version is the platform's own and its business.
func validateGitSyncImage(image string, at *field.Path) *field.Error {
	if strings.Contains(image, "@sha256:") {
		return nil
	}
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	if tag == "" || tag == "latest" {
		return field.Invalid(at, image, "must have a tag or a digest that stays what it is, such as "+GitSyncImage)
	}
	m := imageVersion.FindStringSubmatch(tag)
	if m == nil {
		return nil
	}
	for i, least := range gitSyncSince {
		n, _ := strconv.Atoi(m[i+1]) // digits, or nothing at all
		if n < least || (i == 0 && n > least) {
			return field.Invalid(at, image, "must be git-sync v4 from v4.7.1 on, whose flags the engine uses, such as "+GitSyncImage)
		}
		if n > least {
			break
		}
	}
	return nil
}
