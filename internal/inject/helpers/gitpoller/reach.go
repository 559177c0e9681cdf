// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// extraCAFile has the authorities that the policy has for all pods.
const extraCAFile = helper.ExtraCADir + "/ca.crt"

// proxyOf is the policy's proxy, or nil if the repository is not reached through it.
func proxyOf(e *helper.Editor, r *helper.Request) *rule.Proxy {
	p := e.Rules().Reach.Proxy
	if p == nil || scheme(r) == "ssh" && !p.SSH {
		return nil
	}
	return p
}

// reach gives our own program what the policy says of how servers are reached, as far as it
// matters to the repository: an object that nobody needs would have to exist all the same.
func reach(e *helper.Editor, r *helper.Request, c *corev1.Container) (volumes []string) {
	proxy := proxyOf(e, r)
	if proxy != nil {
		c.Args = append(c.Args, "--proxy="+proxy.URL)
		if len(proxy.NoProxy) > 0 {
			c.Args = append(c.Args, "--no-proxy="+strings.Join(proxy.NoProxy, ","))
		}
		if scheme(r) == "ssh" {
			c.Args = append(c.Args, "--proxy-ssh")
		}
		if proxy.Secret != "" {
			c.Args = append(c.Args, "--proxy-auth-dir="+helper.ProxyDir)
			volumes = append(volumes, secretVolume(e, c, pod.ReservedPrefix+"proxy-"+r.Name(), helper.ProxyDir, proxy.Secret, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey))
		}
	}
	if speaksTLS := scheme(r) != "ssh" || proxy != nil && strings.HasPrefix(proxy.URL, "https:"); speaksTLS && e.Rules().Reach.ExtraCAs != "" {
		c.Args = append(c.Args, "--extra-ca-file="+extraCAFile)
		volumes = append(volumes, extraCAs(e, r, c))
	}
	return volumes
}

// gitSyncReach does the same for git-sync. Of the variables that curl reads, those in small
// letters win, even if something else adds others.
func gitSyncReach(e *helper.Editor, r *helper.Request, c *corev1.Container) (volumes []string) {
	if scheme(r) == "ssh" {
		return nil
	}
	if proxy := proxyOf(e, r); proxy != nil {
		c.Env = append(c.Env, corev1.EnvVar{Name: scheme(r) + "_proxy", Value: proxy.URL})
		if len(proxy.NoProxy) > 0 {
			c.Env = append(c.Env, corev1.EnvVar{Name: "no_proxy", Value: strings.Join(proxy.NoProxy, ",")})
		}
	}
	if scheme(r) == "https" && e.Rules().Reach.ExtraCAs != "" { // no redirect is followed from http to https
		volumes = append(volumes, extraCAs(e, r, c))
	}
	return volumes
}

func extraCAs(e *helper.Editor, r *helper.Request, c *corev1.Container) string {
	return authorities(e, c, pod.ReservedPrefix+"extra-ca-"+r.Name(), path.Dir(extraCAFile), e.Rules().Reach.ExtraCAs)
}

// redirects adds the repositories to which the server may redirect with the credentials: only
// to those on the same host, and to those that the pod could name itself. A policy that does
// not say which may be named, and one that only warns, means every repository of the host; to
// those the program follows by itself unless it has credentials.
func redirects(e *helper.Editor, r *helper.Request, args []string) []string {
	const flag = "--redirect="
	repo, is := option.RepositoryOf(r.Value("repo")), e.Rules().Rules["repo"]
	every := !is.Lists() || e.Lenient() || is.Fixed == nil && slices.ContainsFunc(is.Allow, func(p option.Pattern) bool { return option.AllOnHostOf(p, repo) })
	switch {
	case repo.Scheme == "ssh":
	case every && !r.Has("secret"): // there is nothing to keep from any of them
	case !is.Lists() || e.Lenient():
		args = append(args, flag+repo.Root()+"/*")
	case is.Fixed != nil:
		args = append(args, flag+is.Fixed.Text)
	default:
		for _, p := range is.Allow {
			if option.OnHostOf(p, repo) {
				args = append(args, flag+p.String())
			}
		}
	}
	return args
}

// secretFor adds the repositories of the host to which the policy sends the Secret, if it says
// so: neither a redirect nor a submodule leads it to one with which the pod could not name it.
func secretFor(e *helper.Editor, r *helper.Request, args []string) []string {
	repo := option.RepositoryOf(r.Value("repo"))
	if !r.Has("secret") || repo.Scheme == "ssh" || e.Lenient() {
		return args
	}
	for _, p := range e.Rules().SecretGoesTo(r.Value("secret")) {
		if option.OnHostOf(p, repo) {
			args = append(args, "--secret-for="+p.String())
		}
	}
	return args
}

// The option of submodules, and its value that fetches them.
const (
	submodules = "submodules"
	shallow    = "shallow"
)

// modules adds the repositories that submodules may come from: those that the pod could name
// itself. Without a rule that is every host that has a name, and the repository's own.
func modules(e *helper.Editor, r *helper.Request, args []string) []string {
	const flag = "--submodule="
	repo, is := option.RepositoryOf(r.Value("repo")), e.Rules().Rules["repo"]
	switch {
	case r.Value(submodules).Text != shallow || repo.Scheme == "ssh":
	case !is.Lists() || e.Lenient():
		args = append(args, flag+repo.Root()+"/*", flag+"https://*:*/*")
	case is.Fixed != nil:
		args = append(args, flag+is.Fixed.Text)
	default:
		for _, p := range is.Allow {
			if !strings.HasPrefix(p.String(), "ssh:") {
				args = append(args, flag+p.String())
			}
		}
	}
	return args
}
