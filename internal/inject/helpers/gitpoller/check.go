// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func check(r *helper.Request) []reason.Problem {
	var problems []reason.Problem
	repo, secret := option.RepositoryOf(r.Value("repo")), r.Has("secret")
	if repo == nil { // without a repository, reported elsewhere, there is nothing to agree with
		return nil
	}
	auth := r.Value("auth").Text
	if r.Defaulted("auth") {
		auth = ""
	}
	switch fits := fitting[repo.Scheme]; {
	case auth != "" && !slices.Contains(fits, auth):
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path("auth"), auth, "an %s URL is used with %s; change the URL, or leave auth out", repo.Scheme, option.JoinOr(fits)))
	case auth != "" && !secret:
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path("auth"), auth, "needs a Secret: set %s", r.Helper.Key(r.Instance, "secret")))
	case repo.Scheme == "ssh" && !secret:
		problems = append(problems, reason.Missing(r.Path("secret"), "ssh needs a key: name a Secret of type kubernetes.io/ssh-auth that also has the key known_hosts"))
	case repo.Scheme == "http" && secret:
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path("secret"), r.Value("secret").Text, "would be sent in clear text over http; use an https URL"))
	}
	if repo.Scheme == "ssh" && r.Value(submodules).Text == shallow && !r.Defaulted(submodules) {
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path(submodules), shallow, "submodules are fetched for https URLs only; use one, or remove it"))
	}
	if repo.Scheme != "https" && r.Has("ca-configmap") {
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path("ca-configmap"), r.Value("ca-configmap").Text, "has a meaning for https URLs only; remove it"))
	}
	if r.Given(helper.Wait) && r.Value(helper.Wait).Text == "false" && r.Value(helper.Mode).Text == "once" {
		problems = append(problems, reason.Invalid(reason.Contradiction, r.Path(helper.Wait), "false", "mode once always ends before the app starts; remove wait, or use mode poll"))
	}
	return problems
}
