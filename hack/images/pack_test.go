// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

func TestPackMakesAnImageOfADirectory(t *testing.T) {
	t.Parallel()
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "new", "image.tar")
	if err := os.WriteFile(filepath.Join(root, "tool"), []byte("#!"), 0o700); err != nil {
		t.Fatal(err)
	}
	printed := call(t, "pack", "--root", root, "--name", "pillion.test/tool:dev", "--out", out,
		"--entrypoint", "/tool,serve", "--user", "1000", "--workdir", "/home", "--env", "A=1,2", "--env", "B=", "--own", "/tool=7:8")
	if !strings.Contains(printed, "pillion.test/tool:dev  linux/"+runtime.GOARCH) {
		t.Errorf("the table does not name the image:\n%s", printed)
	}
	img := onlyImage(t, out)
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"tool 0700 7:8"}, entries(t, img)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{Entrypoint: []string{"/tool", "serve"}, User: "1000", WorkingDir: "/home", Env: []string{"A=1,2", "B="}}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// onlyImage reads an archive that holds an image and no index of several.
func onlyImage(t *testing.T, file string) v1.Image {
	t.Helper()
	index, err := oci.Open(file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	images := imagesOf(t, index)
	if len(images) != 1 {
		t.Fatalf("%d images, want one", len(images))
	}
	return images[0]
}

func TestWrongCallsAreExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		status int
		want   string // how the message starts
	}{
		"no command":          {nil, 2, "Usage: images COMMAND"},
		"an unknown command":  {[]string{"bulid"}, 2, "Usage: images COMMAND"},
		"asking for help":     {[]string{"help"}, 0, "Usage: images COMMAND"},
		"asking for flags":    {[]string{"pack", "-h"}, 0, "Usage of pack:"},
		"an unknown flag":     {[]string{"build", "--registri", "x"}, 2, "flag provided but not defined: -registri"},
		"an argument":         {[]string{"build", "webhook"}, 2, `images build: "webhook" is not a flag; this command takes flags only`},
		"a missing registry":  {[]string{"push"}, 2, `images push: --registry is missing; "images push -h" says what it is`},
		"a name without tag":  {[]string{"pack", "--root", ".", "--out", "x", "--name", "tool"}, 1, `images pack: --name "tool" must be an image name with a registry and a tag, such as pillion.test/e2e:dev: `},
		"an owner by name":    {[]string{"pack", "--own", "/home/git=git:git"}, 2, `invalid value "/home/git=git:git" for flag -own: `},
		"a repository lost":   {[]string{"build", "--source", "/nonexistent", "--out", os.DevNull + "/x"}, 1, "images build: the output directory cannot be made: "},
		"a missing directory": {[]string{"pack", "--root", "/nonexistent", "--name", "a.test/b:c", "--out", "x"}, 1, "images pack: lstat /nonexistent: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), c.args, &stdout, &stderr)
			if status != c.status || !strings.HasPrefix(stderr.String(), c.want) {
				t.Errorf("exit status %d and %q, want %d and %q", status, stderr.String(), c.status, c.want)
			}
		})
	}
}
