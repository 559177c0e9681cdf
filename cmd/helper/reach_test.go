// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/gitargs"
	"github.com/pillion-dev/pillion/internal/gitfetch"
)

func TestTheFlagsThatSayHowToReachAServer(t *testing.T) {
	t.Parallel()
	f, err := parseGitPoller(env{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler), args: []string{
		"--root=/x", "--repo=https://git.acme.example/web/site", "--auth=github-app", "--auth-dir=/auth", "--ca-file=/ca/ca.crt",
		"--extra-ca-file=/extra/ca.crt", "--proxy=http://proxy.acme.example:3128", "--no-proxy=localhost,.acme.example,10.0.0.0/8", "--proxy-ssh",
		"--proxy-auth-dir=/proxy", "--github-api=https://api.acme.example/v3", "--redirect=https://git.acme.example/web/*", "--redirect=https://git.acme.example/docs/*", "--secret-for=https://git.acme.example/web/*",
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := gitfetch.Request{
		Repo: "https://git.acme.example/web/site", Ref: "HEAD", Depth: 1, Auth: gitfetch.AuthGitHubApp, AuthDir: "/auth", CAFile: "/ca/ca.crt",
		ExtraCAFile: "/extra/ca.crt", Proxy: "http://proxy.acme.example:3128", NoProxy: "localhost,.acme.example,10.0.0.0/8", ProxySSH: true,
		ProxyAuthDir: "/proxy", GitHubAPI: "https://api.acme.example/v3", Redirects: []string{"https://git.acme.example/web/*", "https://git.acme.example/docs/*"}, SecretFor: []string{"https://git.acme.example/web/*"},
		MaxBytes: 819 << 20, MaxFiles: gitargs.MaxFiles,
	}
	if diff := cmp.Diff(want, f.Request); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}
