// SPDX-License-Identifier: Apache-2.0

// Package version says which Pillion this is. Everything comes from what the
// Go toolchain writes into a binary, so a build needs no linker flags and two
// builds of one commit are the same bytes.
package version

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
)

const (
	// base is the version under work. A release is tagged with it, and then
	// raises it.
	base = "0.1.0"

	module  = "github.com/pillion-dev/pillion"
	unknown = "unknown"
)

// Details is what `--version` prints.
type Details struct {
	Version   string // "v0.1.0", or "v0.1.0-dev" for anything that is not a release
	Commit    string // full git hash, with "-dirty" if files were changed; "unknown" without git
	GoVersion string // "go1.26.8"
	Platform  string // "linux/amd64"
}

// String is one line without a newline.
func (d Details) String() string {
	return fmt.Sprintf("%s (commit %s, %s, %s)", d.Version, d.Commit, d.GoVersion, d.Platform)
}

// String is the version of this binary: that of its release, or the version
// under work with "-dev".
func String() string { return Info().Version }

// Info is the version of this binary and how it was built.
func Info() Details {
	build, _ := debug.ReadBuildInfo()
	return details(build)
}

// details reads build, which is nil in a binary built without module support.
func details(build *debug.BuildInfo) Details {
	d := Details{
		Version:   "v" + base + "-dev",
		Commit:    unknown,
		GoVersion: runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
	}
	if build == nil {
		return d
	}
	if build.Main.Path == module && isRelease(build.Main.Version) {
		d.Version = build.Main.Version
	}
	dirty := ""
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			d.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if d.Commit != unknown {
		d.Commit += dirty
	}
	return d
}

// isRelease tells a tag from the other versions the toolchain stamps:
// "(devel)", pseudo-versions such as v0.1.1-0.20260102030405-0123456789ab, and
// a tag with "+dirty" behind it.
func isRelease(v string) bool {
	return regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`).MatchString(v)
}
