// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/hack/images/internal/fixture"
)

func TestTwoBuildsOfOneCommitAreTheSameBytes(t *testing.T) {
	t.Parallel()
	var binaries [2]Binary
	for i := range binaries {
		b, err := Compile(t.Context(), fixture.Repository(t), "./cmd/helper", "linux/amd64")
		if err != nil {
			t.Fatal(err)
		}
		binaries[i] = b
	}
	if !bytes.Equal(binaries[0].Content, binaries[1].Content) {
		t.Error("the binaries differ")
	}
	got := binaries[0]
	if len(got.Revision) != 40 || !got.Time.Equal(fixture.Time) {
		t.Errorf("revision %q of %s, want a full hash without -dirty, of %s", got.Revision, got.Time, fixture.Time)
	}
}

func TestABinaryIsStaticAndStrippedForItsArchitecture(t *testing.T) {
	t.Parallel()
	dir := fixture.Repository(t)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		b, err := Compile(t.Context(), dir, "./cmd/webhook", "linux/"+arch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(b.Content))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("%s: machine %s, want %s", arch, f.Machine, machine)
		}
		if f.Section(".interp") != nil || f.Section(".dynamic") != nil {
			t.Errorf("%s: the binary is not static", arch)
		}
		if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
			t.Errorf("%s: the binary is not stripped", arch)
		}
		if bytes.Contains(b.Content, []byte(dir)) {
			t.Errorf("%s: the binary names %s, where it was built", arch, dir)
		}
	}
}

func TestChangedFilesShow(t *testing.T) {
	t.Parallel()
	dir := fixture.Repository(t)
	if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Compile(t.Context(), dir, "./cmd/helper", "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(b.Revision, "-dirty") {
		t.Errorf("revision %q, want -dirty at its end", b.Revision)
	}
}

func TestTheCallersSettingsDoNotChangeABinary(t *testing.T) {
	t.Parallel()
	env := environment([]string{"GOFLAGS=-tags=evil", "CGO_ENABLED=1", "GOOS=plan9", "GOAMD64=v4", "GOWORK=/x", "GOPROXY=kept"}, "linux/arm64")
	last := map[string]string{}
	for _, e := range env { // of two values, os/exec takes the last
		name, value, _ := strings.Cut(e, "=")
		last[name] = value
	}
	want := map[string]string{
		"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "arm64", "GOWORK": "off",
		"GOAMD64": "v1", "GOARM64": "v8.0", "GOFIPS140": "off", "GOPROXY": "kept",
	}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestAFailedBuildSaysWhatAndWhere(t *testing.T) {
	t.Parallel()
	dir := fixture.Repository(t)
	_, err := Compile(t.Context(), dir, "./cmd/nothing", "linux/arm64")
	want := "./cmd/nothing does not build for linux/arm64 in " + dir + ": exit status 1\n"
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "directory not found") {
		t.Errorf("error %v, want %q and what the go command said", err, want)
	}

	empty := t.TempDir()
	_, err = Compile(t.Context(), empty, "./cmd/helper", "linux/amd64")
	want = empty + " is not the root of a Go module: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(0, 0).UTC()
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123abc"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	at := debug.BuildSetting{Key: "vcs.time", Value: "2026-01-02T03:04:05+01:00"}
	for name, c := range map[string]struct {
		settings []debug.BuildSetting
		want     Binary
	}{
		"a build without git has no revision and is of 1970": {nil, Binary{Version: "v1", Time: epoch}},
		"a commit has a time in UTC": {
			[]debug.BuildSetting{revision, at},
			Binary{Version: "v1", Revision: "0123abc", Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		},
		"changed files show, in whatever order": {
			[]debug.BuildSetting{modified, revision},
			Binary{Version: "v1", Revision: "0123abc-dirty", Time: epoch},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stamp(&debug.BuildInfo{Main: debug.Module{Version: "v1"}, Settings: c.settings})
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("error %v, stamp (-want +got):\n%s", err, diff)
			}
		})
	}
}
