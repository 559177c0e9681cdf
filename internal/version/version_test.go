// SPDX-License-Identifier: Apache-2.0

package version

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func build(path, version string, settings ...debug.BuildSetting) *debug.BuildInfo {
	return &debug.BuildInfo{Main: debug.Module{Path: path, Version: version}, Settings: settings}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	const dev = "v" + base + "-dev"
	for name, c := range map[string]struct {
		build *debug.BuildInfo
		want  string
	}{
		"a tagged module is a release":                        {build(module, "v0.3.1"), "v0.3.1"},
		"a release candidate is a release":                    {build(module, "v1.0.0-rc.2"), "v1.0.0-rc.2"},
		"a working tree is not a release":                     {build(module, "(devel)"), dev},
		"a tag with changed files is not a release":           {build(module, "v0.3.1+dirty"), dev},
		"a commit after a tag is not a release":               {build(module, "v0.3.2-0.20260102030405-0123456789ab"), dev},
		"a commit before any tag is not a release":            {build(module, "v0.0.0-20260102030405-0123456789ab"), dev},
		"a commit after a candidate is not a release":         {build(module, "v1.0.0-rc.2.0.20260102030405-0123456789ab"), dev},
		"the version of another module is not ours":           {build("example.com/other", "v9.9.9"), dev},
		"a binary without build information has a version":    {nil, dev},
		"a binary with empty build information has a version": {&debug.BuildInfo{}, dev},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := details(c.build).Version; got != c.want {
				t.Errorf("version %q, want %q", got, c.want)
			}
		})
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	clean := debug.BuildSetting{Key: "vcs.modified", Value: "false"}
	for name, c := range map[string]struct {
		build *debug.BuildInfo
		want  string
	}{
		"a clean tree shows its commit":             {build(module, "", revision, clean), "0123abc"},
		"a changed tree says so, in whatever order": {build(module, "", modified, revision), "0123abc-dirty"},
		"a build without git says unknown":          {build(module, "", modified), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := details(c.build).Commit; got != c.want {
				t.Errorf("commit %q, want %q", got, c.want)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	line := Info().String()
	for _, want := range []string{String(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH} {
		if !strings.Contains(line, want) {
			t.Errorf("%q does not show %q", line, want)
		}
	}
	if strings.Contains(line, "\n") {
		t.Errorf("%q is more than one line", line)
	}
}
