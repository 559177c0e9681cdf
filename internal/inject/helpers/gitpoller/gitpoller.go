// SPDX-License-Identifier: Apache-2.0

// Package gitpoller is the helper git-poller: what can be asked of it, and what it adds.
package gitpoller

import (
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Helper returns the declaration.
func Helper() *helper.Helper {
	return &helper.Helper{
		Name:        "git-poller",
		Aliases:     []string{"git-sync", "gitsync", "git", "poller"},
		FillsVolume: true,
		Reaches:     true,
		Engines:     []helper.Engine{gitSync()},
		// Covers a fresh clone of a repository of some 200 MB with room to spare.
		Resources: helper.Requirements("10m", "32Mi", "500m", "256Mi"),
		Builtin: map[string]rule.Spec{
			"repo":   {Allow: []rule.Text{"https://*:*/*", "ssh://*@*:*/*"}},
			"period": {Min: new(rule.Text("10s"))},
		},
		Doc: "Keeps a directory of the app's containers equal to a git repository: it polls the remote and publishes each new commit at once and as a whole.",
		Options: slices.Concat([]option.Option{
			{
				Name: "repo", Aliases: []string{"url", "uri", "git-url", "repository", "git-repo", "remote", "source"}, Kind: option.Repository, Required: true, Example: "https://github.com/acme/site.git",
				WithGitSync: "The same; the policy has to leave git-sync the user 65533 for ssh. No redirect is followed, not even that of a URL without .git. A link of the repository becomes a file that holds its target.",
				Doc:         "The repository, by https or ssh, and by plain http only where the policy allows it. Credentials go into a Secret, never into the URL. Files of git LFS are published as the pointers that the repository holds: their content comes from another service, often on another host, with tokens of its own. The log counts them.",
			},
			{
				Name: "ref", Aliases: []string{"branch", "tag", "rev", "revision", "git-ref", "commit", "target-revision"}, Kind: option.GitRef, Default: "HEAD", Example: "main",
				WithGitSync: "The same, and a hash of a repository with SHA-256.",
				Doc:         "A branch, a tag or a full commit hash, or any name that git's own rules complete, such as heads/main, tags/v1.0 or pull/1/head; of a tag and a branch with the same name it is the tag. HEAD is the remote's default branch. A hash is fetched once and then no longer polled.",
			},
			{
				Name: helper.MountPath, Aliases: []string{"path", "dest", "destination", "root", "link", "target", "volume-mount", "dir", "directory"}, Kind: option.AbsolutePath, Required: true, Example: "/usr/share/nginx/html",
				WithGitSync: "The content is at `current` below it: a link, which is swapped. An emptyDir of the app is not shared.",
				Doc:         "Where the app's containers see the content. An emptyDir that they mount there already is used; any other mount there is denied.",
			},
			{
				Name: "subdir", Aliases: []string{"sub-path", "sub-directory", "subdirectory", "subfolder"}, Kind: option.RelativePath, Example: "public",
				WithGitSync: "Denied: the whole repository is published, and the directory is below `current`.",
				Doc:         "Publish only this directory of the repository.",
			},
			{
				Name: helper.Containers, Kind: option.Containers, Example: "web,api",
				Doc: "The containers that see the content. Without it every container of the app does (init containers only if named).",
			},
			{
				Name: helper.Mode, Aliases: []string{"one-time", "once"}, Kind: option.Choice("poll", "once"), Default: "poll", Example: "once",
				Doc: "poll runs beside the app as a native sidecar; once is an init container that fetches the content and ends.",
			},
			{
				Name: "period", Aliases: []string{"interval", "poll-interval", "sync-interval", "refresh", "refresh-interval"}, Kind: option.Duration, Default: "1m", Min: "1s", Max: "24h", Example: "30s",
				Idle: []option.Idle{once},
				Doc:  "Time between two polls.",
			},
			{
				Name: "depth", Kind: option.Integer, Default: "1", Min: "1", Max: "1000", Example: "1",
				Doc: "How many commits of history to fetch. One is enough, unless ref is a hash and the server does not hand out single commits.",
			},
			{
				Name: submodules, Kind: option.Choice("none", shallow), Default: "none", Example: shallow,
				WithGitSync: "`shallow` is denied: git-sync would fetch them from wherever the repository says.",
				Doc:         "shallow fetches the submodules as well, without theirs, over https (or http where the policy allows it) and only from where the policy allows for repo; the Secret goes to the repository's own host alone. They are fetched again with each commit, within the budgets of the whole. Otherwise they are empty directories.",
			},
			{
				Name: "secret", Aliases: []string{"ssh-key", "secret-ref", "secret-name", "ssh-secret", "ssh-key-secret", "credentials", "auth-secret", "git-secret", "token", "password"}, Kind: option.ObjectName, Example: "site-credentials",
				WithGitSync: "The same; for https it needs the key `username`.",
				Doc:         "A Secret of the pod's namespace: type kubernetes.io/basic-auth for https, kubernetes.io/ssh-auth with a further key known_hosts for ssh, or for auth github-app one with the keys githubAppID, githubAppInstallationID and githubAppPrivateKey. Only the helper mounts it.",
			},
			{
				Name: "auth", Kind: option.Choice("basic", "ssh", gitHubApp), Example: gitHubApp,
				WithGitSync: "`github-app` is denied.",
				Doc:         "How to use the Secret. basic or ssh follows from the URL's scheme; if set, it has to agree with it. github-app, for https, gets tokens of a GitHub App's installation and renews them; they can read contents and nothing else.",
			},
			{
				Name: "ca-configmap", Aliases: []string{"ca", "ca-cert", "ca-bundle"}, Kind: option.ObjectName, Example: "acme-ca",
				Doc: "A ConfigMap of the pod's namespace whose key ca.crt holds the certificate authorities to trust, for an https server with a private one.",
			},
			{
				Name: helper.Wait, Kind: option.Boolean, Default: "true", Example: "false",
				Doc: "Start the app only after the first complete checkout.",
			},
			{
				Name: helper.WaitTimeout, Aliases: []string{"timeout", "sync-timeout", "init-timeout"}, Kind: option.Duration, Default: "10m", Min: "1s", Max: "24h", Example: "2m",
				Idle:        []option.Idle{{Option: helper.Wait, Value: "false"}},
				WithGitSync: "The same with `poll`. With `once` it bounds one attempt, and the pauses of 5s between those that fail.",
				Doc:         "How long the first checkout may take before the helper is restarted (poll) or the pod's start fails (once).",
			},
			{
				Name: helper.Position, Kind: option.Choice("last", "first"), Default: "last", Example: "first",
				Doc: "Whether the helper starts after (last) or before (first) the pod's other init containers. last suits service meshes; with first those init containers can use the content.",
			},
			{
				Name: "writable", Kind: option.Boolean, Default: "false", Example: "true",
				WithGitSync: "Denied if `true`: git's own files are in the volume, and name programs that git runs beside the Secret.",
				Doc:         "Mount the content writable in the app's containers. The next commit does not carry over what the app wrote. The files and directories of a commit belong to the helper's user; an app of another user can only add to the top.",
			},
		}, metrics(), notifyOptions()),
		Check: check,
		Build: build,
		// Engines publish in different places, so no file tells.
		Up: func(r *helper.Request, _ string) (string, bool) {
			return "", r.Value(helper.Mode).Text == "once" || r.Value(helper.Wait).Bool()
		},
	}
}
