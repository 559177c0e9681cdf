// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// A source is the commit that a release is made of.
type source struct {
	dir     string // root of its work tree
	version string // such as v0.1.0 or v0.2.0-rc.1, which is the commit's tag
	commit  string // full git hash
	time    time.Time
}

// base is the version without what makes it a candidate, as the code calls itself.
func (s source) base() string {
	base, _, _ := strings.Cut(s.version, "-")
	return base
}

// chartVersion is the version as charts have it.
func (s source) chartVersion() string { return strings.TrimPrefix(s.version, "v") }

// Those that internal/version takes for releases; the binaries of others would call
// themselves a version under development.
var versionPattern = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(alpha|beta|rc)\.\d+)?$`)

// openSource checks that the work tree at dir is what version names: the commit has that
// tag, nothing is changed, and the code calls itself so.
func openSource(ctx context.Context, dir, version string) (source, error) {
	s := source{dir: dir, version: version}
	if !versionPattern.MatchString(version) {
		return s, fmt.Errorf("--version is %q; it must be a version such as v0.1.0 or v0.1.0-rc.1", version)
	}
	changes, err := s.git(ctx, "status", "--porcelain")
	if err != nil {
		return s, err
	}
	if changes != "" {
		return s, fmt.Errorf("%s differs from its commit, so nobody could make this release again; commit or remove what git status lists:\n%s", dir, changes)
	}
	tags, err := s.git(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return s, err
	}
	if !slices.Contains(strings.Fields(tags), version) {
		return s, fmt.Errorf("the commit of %s has no tag %s, by which its programs know their version; git tag it, or check the tag out", dir, version)
	}
	head, err := s.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return s, err
	}
	hash, seconds, _ := strings.Cut(head, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return s, fmt.Errorf("git log says that the commit's time is %q, want seconds since 1970", seconds)
	}
	s.commit, s.time = hash, time.Unix(unix, 0).UTC()
	return s, s.checkNames()
}

func (s source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = s.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w: %s", args[0], s.dir, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// checkNames compares the versions that are written in files.
func (s source) checkNames() error {
	var chart struct {
		Version    string `json:"version"`
		AppVersion string `json:"appVersion"`
	}
	file := filepath.Join(s.dir, "charts", "pillion", "Chart.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, &chart); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for field, c := range map[string]struct{ got, want string }{
		"version":    {chart.Version, strings.TrimPrefix(s.base(), "v")},
		"appVersion": {chart.AppVersion, s.base()},
	} {
		if c.got != c.want {
			return fmt.Errorf("%s: %s is %q; for the release %s it must be %q", file, field, c.got, s.version, c.want)
		}
	}
	helper, err := helperImage(s.dir)
	if err != nil {
		return err
	}
	if want := defaultRegistry + "/pillion-helper:" + s.base(); helper != want {
		return fmt.Errorf("internal/policy/types.go: DefaultImage is %s; for the release %s it must be %s (then: make generate)", helper, s.version, want)
	}
	return nil
}

// helperImage is the image that the webhook injects unless it is told another, which
// make generate has written down for the chart.
func helperImage(dir string) (string, error) {
	file := filepath.Join(dir, "charts", "pillion", "files", "helpers.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var helpers map[string]struct {
		Image string `json:"image"`
	}
	if err := json.Unmarshal(text, &helpers); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return helpers["git-poller"].Image, nil
}
