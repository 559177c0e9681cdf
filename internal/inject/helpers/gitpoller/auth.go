// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
)

// gitHubApp is the login as a GitHub App.
const gitHubApp = "github-app"

// fitting are the ways to log in, by the scheme of a repository's URL; the first is used
// unless another is chosen.
var fitting = map[string][]string{"https": {"basic", gitHubApp}, "http": {"basic"}, "ssh": {"ssh"}}

// authOf is how the Secret is used.
func authOf(r *helper.Request) string {
	fits := fitting[scheme(r)]
	if auth := r.Value("auth").Text; slices.Contains(fits, auth) {
		return auth
	}
	return fits[0]
}

// scheme is that of the repository's URL.
func scheme(r *helper.Request) string { return option.RepositoryOf(r.Value("repo")).Scheme }

// appKeys are the keys of a GitHub App's Secret, as Flux and Argo CD have them.
var appKeys = []string{"githubAppID", "githubAppInstallationID", "githubAppPrivateKey"}
