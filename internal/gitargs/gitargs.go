// SPDX-License-Identifier: Apache-2.0

// Package gitargs is the part of git-poller's command line that says what to fetch, with which credentials
// and how. The webhook writes it; the helper in a pod reads it, and so does kubectl pillion
// try, which fetches the same where it runs.
package gitargs

import (
	"flag"
	"io"
	"strings"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/quantity"
)

// What a commit may take, where no flag says so.
const (
	MaxFiles = 100_000
	MaxBytes = 819 << 20
)

// Bind adds a flag for each field of a request that a command line sets.
func Bind(flags *flag.FlagSet, r *gitfetch.Request) {
	flags.StringVar(&r.Repo, "repo", "", "`URL` of the repository: https, http or ssh")
	flags.StringVar(&r.Ref, "ref", "HEAD", "branch, tag or full hash")
	flags.IntVar(&r.Depth, "depth", 1, "how many commits of history to fetch")
	flags.StringVar(&r.Subdir, "subdir", "", "publish only this `directory` of the repository")
	flags.StringVar(&r.Auth, "auth", "", "how to use the credentials: basic, ssh or github-app")
	flags.StringVar(&r.AuthDir, "auth-dir", "", "the `directory` of a mounted Secret with the credentials")
	flags.StringVar(&r.CAFile, "ca-file", "", "`file` of certificate authorities to trust")
	flags.IntVar(&r.MaxFiles, "max-files", MaxFiles, "maximum number of files, links and directories of a commit")
	r.MaxBytes = MaxBytes
	flags.Var((*quantity.Bytes)(&r.MaxBytes), "max-size", "maximum `bytes` of a commit, packed or unpacked, such as 819Mi")
	bindReach(flags, r)
}

// bindReach adds the flags that say how servers are reached. They are the platform's: the
// policy sets them, for all pods.
func bindReach(flags *flag.FlagSet, r *gitfetch.Request) {
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
	flags.Func("secret-for", "`pattern` of repositories to which the credentials may be sent behind a redirect and for submodules; again for each; without one, to all that these flags allow", func(pattern string) error {
		r.SecretFor = append(r.SecretFor, pattern)
		return nil
	})
	flags.Func("redirect", "`pattern` of repositories to which the server may redirect with the credentials; again for each", func(pattern string) error {
		r.Redirects = append(r.Redirects, pattern)
		return nil
	})
}

// Read reads the request from the arguments of a container as the webhook writes them, each
// --name=value or --name, and leaves out the flags that are about something else.
func Read(args []string) (r gitfetch.Request, err error) {
	flags := flag.NewFlagSet("git-poller", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	Bind(flags, &r)
	var ours []string
	for _, arg := range args {
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); flags.Lookup(name) != nil {
			ours = append(ours, strings.ReplaceAll(arg, "$$", "$")) // as the kubelet does
		}
	}
	err = flags.Parse(ours)
	return r, err
}
