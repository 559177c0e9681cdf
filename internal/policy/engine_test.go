// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func TestAnEngineIsOneThatTheHelperHas(t *testing.T) {
	t.Parallel()
	const at = "spec.helpers[git-poller].engine"
	testParse(t, []parseTest{
		{"our own program", gitPoller("engine: pillion"), nil},
		{"git-sync", gitPoller("engine: git-sync"), nil},
		{"nothing behind it", gitPoller("engine:"), []string{"line 8: " + at + ": is empty; write a value, or remove it"}},
		{"a hyphen too few", gitPoller("engine: gitsync"), []string{at + `: Invalid value: "gitsync": must be one of pillion, git-sync; did you mean "git-sync"?`}},
		{"a name that is not near any", gitPoller("engine: jgit4"), []string{at + `: Invalid value: "jgit4": must be one of pillion, git-sync`}},
		{"a helper that has one program", file("helpers: {date-writer: {engine: git-sync}}"), []string{"spec.helpers[date-writer].engine: Forbidden: date-writer has no engine to choose; remove it"}},
		{"our own program, of a helper that has no other", file("helpers: {date-writer: {engine: pillion}}"), nil},
		{"in the wrong place", file("engine: git-sync"), []string{`line 6: spec: unknown field "engine"; the fields are enforcement, hostNetwork, runtimeClasses, limits, image, pullPolicy, imagePullSecrets, runAsUser, runAsGroup, helpers, require, inject`}},
	})
}

func TestGitSyncHasAnImageOfItsOwnThatStaysWhatItIs(t *testing.T) {
	t.Parallel()
	const (
		ours   = "is the image of the other helpers, in which there is no git-sync; name one of git-sync, or leave it out for " + gitSyncImage
		unsure = "must have a tag or a digest that stays what it is, such as " + gitSyncImage
		old    = "must be git-sync v4 from v4.7.1 on, whose flags the engine uses, such as " + gitSyncImage
	)
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	for image, want := range map[string]string{
		gitSyncImage:                           "",
		"registry.example/git-sync:v4.7.1":     "",
		"registry.example/git-sync:4.7.2":      "",
		"registry.example/git-sync:v4.10.0":    "",
		"registry.example/git-sync:v4.8":       "",
		"registry.example/git-sync:v4.7.1-a.3": "",
		"registry.example/git-sync:2026-11":    "", // the platform's own numbering
		"registry.example/git-sync:blessed":    "",
		"registry.example:5000/x" + digest:     "",
		"registry.example/x:v3.0.0" + digest:   "", // the digest counts
		"registry.example:5000/git-sync":       unsure,
		"registry.example/git-sync:latest":     unsure,
		"registry.example/git-sync:v4.7.0":     old,
		"registry.example/git-sync:v4.7":       old,
		"registry.example/git-sync:v4.6.9-x":   old,
		"registry.example/git-sync:v3.9.9":     old,
		"registry.example/git-sync:v5.0.0":     old,
		"registry.example/git-sync:4.4":        old,
		DefaultImage:                           ours,
		"registry.example/helper:v9":           ours,
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			var wanted []string
			if want != "" {
				wanted = []string{fmt.Sprintf("spec.helpers[git-poller].image: Invalid value: %q: %s", image, want)}
			}
			_, err := Parse([]byte(file("image: registry.example/helper:v9", "helpers:", "  git-poller: {engine: git-sync, image: '"+image+"'}")))
			if diff := cmp.Diff(wanted, mistakes(err)); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARuleThatTheEngineAlwaysRejectsIsAMistake(t *testing.T) {
	t.Parallel()
	rejected := func(name, value string) []string {
		return []string{fmt.Sprintf("spec.helpers[git-poller].options[%s]: Invalid value: %q: would deny every pod, since the engine git-sync cannot do it; remove the rule, or the engine", name, value)}
	}
	with := func(rule string) string { return gitPoller("engine: git-sync", "options: {"+rule+"}") }
	testParse(t, []parseTest{
		{"a default directory", with("subdir: {default: public}"), rejected("subdir", "public")},
		{"a fixed directory", with("subdir: {fixed: public}"), rejected("subdir", "public")},
		{"always writable", with("writable: {fixed: true}"), rejected("writable", "true")},
		{"never writable", with("writable: {fixed: false}"), nil},
		{"a login that it does not know, for all", with("auth: {default: github-app}"), rejected("auth", "github-app")},
		{"submodules for all", with("submodules: {fixed: shallow}"), rejected("submodules", "shallow")},
		{"a login that it knows, for all", with("auth: {default: basic}"), nil},
		{"directories that may be asked for", with("subdir: {allow: [public]}"), nil},
		{"a default directory for our own program", ruleFor("subdir", "{default: public}"), nil},
	})
}

func TestGitSyncGetsWhatItNeeds(t *testing.T) {
	t.Parallel()
	describe := func(hp *rule.Helper) string {
		id := func(n *int64) string {
			if n == nil {
				return "-"
			}
			return fmt.Sprint(*n)
		}
		return fmt.Sprintf("%s %s:%s %s %s", hp.Image, id(hp.RunAsUser), id(hp.RunAsGroup), hp.Resources.Limits.Memory(), &hp.VolumeSize)
	}
	for _, tt := range []struct {
		name   string
		policy []string
		helper string
		want   string
	}{
		{"nothing is said", nil, "{engine: git-sync}", gitSyncImage + " 65533:65533 512Mi 4Gi"},
		{"an image and a user of the other helpers", []string{"image: x:v1", "runAsUser: 1000"}, "{engine: git-sync}", gitSyncImage + " 65533:65533 512Mi 4Gi"},
		{"the namespace's user", []string{"runAsUser: FromNamespace"}, "{engine: git-sync}", gitSyncImage + " -:- 512Mi 4Gi"},
		{"a user of its own", nil, "{engine: git-sync, runAsUser: 1000}", gitSyncImage + " 1000:65532 512Mi 4Gi"},
		{"a group of its own", nil, "{engine: git-sync, runAsGroup: 1000}", gitSyncImage + " 65533:1000 512Mi 4Gi"},
		{
			"all is said", nil, "{engine: git-sync, image: y:v4.9.0, volumeSizeLimit: 9Gi, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}}",
			"y:v4.9.0 65533:65533 1Gi 9Gi",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := mustParse(t, file(append([]string{"helpers:", "  git-poller: " + tt.helper}, tt.policy...)...))
			if got := describe(p.Helpers["git-poller"]); got != tt.want {
				t.Errorf("it is %s, want %s", got, tt.want)
			}
		})
	}
}

// A policy that is older than the field, and one that spells the default out, are one.
func TestTheDefaultEngineDoesNotChangeTheHash(t *testing.T) {
	t.Parallel()
	silent, spelled, other := mustParse(t, gitPoller("{}")), mustParse(t, gitPoller("engine: pillion")), mustParse(t, gitPoller("engine: git-sync"))
	if silent.Hash != spelled.Hash || silent.Hash == other.Hash {
		t.Errorf("the hashes are %s without an engine, %s with pillion and %s with git-sync", silent.Hash, spelled.Hash, other.Hash)
	}
	if spelled.Helpers["git-poller"].Engine != "" || other.Helpers["git-poller"].Engine != "git-sync" {
		t.Errorf("the engines are %q and %q", spelled.Helpers["git-poller"].Engine, other.Helpers["git-poller"].Engine)
	}
}

const gitSyncImage = "registry.k8s.io/git-sync/git-sync:v4.7.1"
