// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

// gitSyncImage is the image of the engine git-sync unless a policy names another.
const gitSyncImage = "registry.k8s.io/git-sync/git-sync:v4.7.1"

// gitSync is the program of kubernetes/git-sync. Its image is no other helper's, knows one
// user only, and git needs more memory for the repositories for which it is chosen.
func gitSync() helper.Engine {
	return helper.Engine{
		Name: "git-sync", Image: gitSyncImage, CheckImage: checkGitSyncImage, User: gitSyncUser,
		Resources:  helper.Requirements("10m", "64Mi", "500m", "512Mi"),
		Cannot:     []string{"subdir", "writable", "auth=" + gitHubApp, submodules + "=" + shallow, telling.Notify, telling.Signal},
		CheckReach: checkGitSyncReach,
		Build:      buildGitSync,
	}
}

// checkGitSyncReach names what git and ssh in git-sync's image have no word for. That a port of
// noProxy would be passed over in silence is how curl reads it.
func checkGitSyncReach(r *rule.Reach, at *field.Path) (errs field.ErrorList) {
	if r.GitHubAPI != "" {
		errs = append(errs, field.Forbidden(at.Child("githubAPI"), "is for auth github-app, which the engine git-sync does not have; remove it, or the engine"))
	}
	p, at := r.Proxy, at.Child("proxy")
	if p == nil {
		return errs
	}
	if p.SSH {
		errs = append(errs, field.Invalid(at.Child("ssh"), true, "the ssh of the engine git-sync knows no proxy; remove it, or the engine"))
	}
	if p.Secret != "" {
		errs = append(errs, field.Invalid(at.Child("secret"), p.Secret, "the engine git-sync has a proxy's password in its URL alone, where everyone who can see the pod could read it; use a proxy that needs none, or remove the engine"))
	}
	for i, entry := range p.NoProxy {
		if _, _, err := net.SplitHostPort(entry); err == nil {
			errs = append(errs, field.Invalid(at.Child("noProxy").Index(i), entry, "the engine git-sync knows no ports here; write the host alone"))
		}
	}
	return errs
}

// imageVersion is a tag that looks like a version, with what a mirror adds to it.
var imageVersion = regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-_.].*)?$`)

// gitSyncSince is the version whose flags the engine uses. --init-max-failures, one of them,
// is as new as v4.7.0 (kubernetes/git-sync, pull request 980).
var gitSyncSince = [3]int{4, 7, 1}

// checkGitSyncImage wants an image that stays what it is: by digest, or by a tag of a
// version from 4.7.1 on. A tag that is no version is the platform's own and its business.
func checkGitSyncImage(image string, at *field.Path) *field.Error {
	if strings.Contains(image, "@sha256:") {
		return nil
	}
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	if tag == "" || tag == "latest" {
		return field.Invalid(at, image, "must have a tag or a digest that stays what it is, such as "+gitSyncImage)
	}
	m := imageVersion.FindStringSubmatch(tag)
	if m == nil {
		return nil
	}
	for i, least := range gitSyncSince {
		n, _ := strconv.Atoi(m[i+1]) // digits, or nothing at all
		if n < least || (i == 0 && n > least) {
			return field.Invalid(at, image, "must be git-sync v4 from v4.7.1 on, whose flags the engine uses, such as "+gitSyncImage)
		}
		if n > least {
			break
		}
	}
	return nil
}
