// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAReleaseIsOfATaggedCommitThatCallsItselfSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version string
		tags    []string
		change  func(t *testing.T, dir string)
		want    string // part of the error
	}{
		"without a tag": {
			"v0.1.0", nil, nil,
			"has no tag v0.1.0, by which its programs know their version; git tag it, or check the tag out",
		},
		"with another tag": {
			"v0.1.0",
			[]string{"v0.1.0-rc.1"},
			nil,
			"has no tag v0.1.0, by which its programs know their version",
		},
		"with something else than a version": {
			"0.1.0",
			[]string{"0.1.0"},
			nil,
			`--version is "0.1.0"; it must be a version such as v0.1.0 or v0.1.0-rc.1`,
		},
		"with a version that the programs would not take for a release": {
			"v0.1.0-preview",
			[]string{"v0.1.0-preview"},
			nil,
			`--version is "v0.1.0-preview"; it must be a version such as v0.1.0 or v0.1.0-rc.1`,
		},
		"with a file that is not committed": {
			"v0.1.0",
			[]string{"v0.1.0"},
			func(t *testing.T, dir string) { put(t, filepath.Join(dir, "notes.txt"), nil) },
			"differs from its commit, so nobody could make this release again; commit or remove what git status lists:\n?? notes.txt",
		},
		"of which the chart says another version": {
			"v0.2.0",
			[]string{"v0.2.0"},
			nil,
			`for the release v0.2.0 it must be "`,
		},
		"of which the code says another helper": {
			"v0.1.0",
			[]string{"v0.1.0"},
			func(t *testing.T, dir string) {
				file := filepath.Join(dir, "charts/pillion/files/helpers.json")
				put(t, file, []byte(strings.ReplaceAll(string(read(t, file)), "pillion-helper:v0.1.0", "pillion-helper:v0.0.9")))
				commit(t, dir)
				git(t, dir, "tag", "--force", "v0.1.0")
			},
			"internal/policy/types.go: DefaultImage is ghcr.io/pillion-dev/pillion-helper:v0.0.9; for the release v0.1.0 it must be ghcr.io/pillion-dev/pillion-helper:v0.1.0 (then: make generate)",
		},
		"with a higher tag, which Go takes for its version": {
			"v0.1.0-rc.1",
			[]string{"v0.1.0-rc.1", "v0.1.0"},
			nil,
			"the go command stamped the version v0.1.0 into it, not v0.1.0-rc.1; the commit must have no higher tag",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := fixture(t, c.tags...)
			if c.change != nil {
				c.change(t, dir)
			}
			out := filepath.Join(t.TempDir(), "release")
			if got := rejected(t, "build", "--version", c.version, "--source", dir, "--out", out); !strings.Contains(got, c.want) {
				t.Errorf("error %q, want %q in it", got, c.want)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 0 {
				t.Errorf("it left %v behind", left)
			}
		})
	}
}

func TestWhoSignsMustBeSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"sign without a key":   {[]string{"sign", "--from", dir}, "release sign: exactly one of --key and --keyless must be given, to say who signs\n"},
		"sign with both":       {[]string{"sign", "--from", dir, "--key", "k", "--keyless"}, "release sign: exactly one of --key and --keyless must be given, to say who signs\n"},
		"push without a key":   {[]string{"push", "--from", dir}, "release push: exactly one of --key and --keyless must be given, to say who signs; or --unsigned\n"},
		"push what is nothing": {[]string{"push", "--from", dir, "--unsigned"}, "release push: " + dir + " is not a release: open " + dir + "/images.txt: no such file or directory\n"},
		"sign what is nothing": {[]string{"sign", "--from", dir, "--key", "k"}, "release sign: " + dir + " is not a release: stat " + dir + "/SHA256SUMS: no such file or directory\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := rejected(t, c.args...); got != c.want {
				t.Errorf("error %q, want %q", got, c.want)
			}
		})
	}
}

func TestOnlyAReleaseIsReplaced(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	put(t, filepath.Join(out, "thesis.txt"), []byte("three years"))
	got := rejected(t, "build", "--version", "v0.1.0", "--source", fixture(t, "v0.1.0"), "--out", out)
	want := "release build: --out " + out + " is there and is no release, so it is not replaced; name another directory: "
	if !strings.HasPrefix(got, want) {
		t.Errorf("error %q, want %q", got, want)
	}
	if string(read(t, out, "thesis.txt")) != "three years" {
		t.Error("what was there is gone")
	}
}

func TestAListOfNothingIsNotPushed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]string{
		"":                     " lists nothing; build the release again\n",
		"ghcr.io/acme/tool:v1": `: "ghcr.io/acme/tool:v1" is not an image with a tag and a digest` + "\n",
		"tool@sha256:1":        `: "tool@sha256:1" is not an image with a tag and a digest` + "\n",
	} {
		put(t, filepath.Join(dir, "images.txt"), []byte(text))
		if got := rejected(t, "push", "--from", dir, "--unsigned"); got != "release push: "+dir+"/images.txt"+want {
			t.Errorf("%q: error %q, want %q", text, got, want)
		}
	}
}
