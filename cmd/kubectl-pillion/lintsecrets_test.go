// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/policy"
)

// Warnings about hosts of other people, and about Secrets that could go to several places.
func TestLintWarnsOfWhereSecretsCouldGo(t *testing.T) {
	t.Parallel()
	const (
		repo    = "spec.helpers[git-poller].options[repo].allow[0]"
		secrets = "spec.helpers[git-poller].secrets[0].repo[0]"
		cross   = "spec.helpers[git-poller].options[secret]"
	)
	for name, tc := range map[string]struct {
		helper string
		want   []string // the fields that are warned of
	}{
		"a host":                               {`{options: {repo: {allow: ["https://git.acme.example/*"]}}}`, nil},
		"hosts of a domain":                    {`{options: {repo: {allow: ["https://*.acme.example/*"]}}}`, nil},
		"hosts that end like a domain":         {`{options: {repo: {allow: ["https://*acme.example/*"]}}}`, []string{repo}},
		"hosts that begin like a domain":       {`{options: {repo: {allow: ["https://git.*/*"]}}}`, []string{repo}},
		"hosts of a top-level domain":          {`{options: {repo: {allow: ["https://*.com/*"]}}}`, []string{repo}},
		"hosts below a public suffix":          {`{options: {repo: {allow: ["https://*.co.uk/*"]}}}`, []string{repo}},
		"hosts where anybody gets a name":      {`{options: {repo: {allow: ["https://*.github.io/*"]}}}`, []string{repo}},
		"hosts of a domain of one's own":       {`{options: {repo: {allow: ["https://*.acme.co.uk/*"]}}}`, nil},
		"hosts that no registry knows":         {`{options: {repo: {allow: ["https://*.internal/*"]}}}`, nil},
		"the same for a Secret":                {`{secrets: [{name: a, repo: ["https://*acme.example/*"]}]}`, []string{secrets}},
		"Secrets for a host":                   {`{options: {repo: {allow: ["https://git.acme.example/*"]}, secret: {allow: ["git-*"]}}}`, nil},
		"Secrets for two hosts":                {`{options: {repo: {allow: ["https://a.example/*", "https://b.example/*"]}, secret: {allow: ["git-*"]}}}`, []string{cross}},
		"Secrets for the hosts of a domain":    {`{options: {repo: {allow: ["https://*.acme.example/*"]}, secret: {allow: ["git-*"]}}}`, []string{cross}},
		"Secrets of which each has its places": {`{options: {repo: {allow: ["https://a.example/*", "https://b.example/*"]}, secret: {allow: ["git-*"]}}, secrets: [{name: "git-*", repo: ["https://a.example/*"]}]}`, nil},
	} {
		f := policyFile{File: policy.File{Name: t.TempDir() + "/web.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec:\n  helpers:\n    git-poller: " + tc.helper + "\n")}}
		l := f.lint(nil)
		if len(l.Mistakes) > 0 {
			t.Errorf("%s: mistakes: %+v", name, l.Mistakes)
		}
		var got []string
		for _, w := range l.Warnings {
			if strings.Contains(w.Text, "somebody else's") || strings.Contains(w.Text, "which goes where") {
				got = append(got, w.Field)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s\nall: %+v", name, diff, l.Warnings)
		}
	}
}
