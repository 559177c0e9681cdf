// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// A child works in the directory that it was handed, wherever the path leads by then.
func TestAChildWorksInTheVeryDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	stage, outside := filepath.Join(top, "stage"), filepath.Join(top, "outside")
	if err := errors.Join(os.Mkdir(stage, 0o700), os.Mkdir(outside, 0o700)); err != nil {
		t.Fatal(err)
	}
	r := gitfetch.Request{Dir: stage}
	cmd := exec.Command("/bin/sh", "-c", "echo x > $0/written")
	dir, err := handDown(&r)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd.ExtraFiles = []*os.File{dir}
	if err := errors.Join(os.Rename(stage, stage+".old"), os.Symlink(outside, stage)); err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, r.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(stage+".old", "written")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside is %v (%v)", left, err)
	}
}
