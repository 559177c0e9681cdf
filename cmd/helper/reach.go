// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// reachFlags are how git-poller reaches servers. They are the platform's: the policy sets
// them, for all pods.
func reachFlags(flags *flag.FlagSet, r *gitfetch.Request) {
	flags.StringVar(&r.ExtraCAFile, "extra-ca-file", "", "`file` of certificate authorities to trust besides --ca-file or the system's")
	flags.StringVar(&r.Proxy, "proxy", "", "`URL` of an HTTP proxy, without credentials")
	flags.StringVar(&r.NoProxy, "no-proxy", "", "`hosts` to reach without the proxy, as in NO_PROXY")
	flags.BoolVar(&r.ProxySSH, "proxy-ssh", false, "reach ssh servers through the proxy as well, by CONNECT")
	flags.StringVar(&r.ProxyAuthDir, "proxy-auth-dir", "", "the `directory` of a mounted Secret with the proxy's username and password")
	flags.StringVar(&r.GitHubAPI, "github-api", "", "`URL` of GitHub's API for --auth=github-app, if it is not where the repository's host has it")
	flags.Func("submodule", "`pattern` of repositories from which submodules are fetched; again for each; without one they are empty", func(pattern string) error {
		r.Submodules = append(r.Submodules, pattern)
		return nil
	})
	flags.Func("redirect", "`pattern` of repositories to which the server may redirect with the credentials; again for each", func(pattern string) error {
		r.Redirects = append(r.Redirects, pattern)
		return nil
	})
}
