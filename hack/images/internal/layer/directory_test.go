// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree makes a directory with a file, a set-user-id file, a link into nowhere and
// a private directory.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "home", "git"), 0o755),
		os.MkdirAll(filepath.Join(dir, "home", "github"), 0o755),
		os.WriteFile(filepath.Join(dir, "home", "git", "key"), []byte("k"), 0o600),
		os.WriteFile(filepath.Join(dir, "su"), []byte("s"), 0o755),
		os.Symlink("/usr/lib64/nowhere", filepath.Join(dir, "lib")),
		// Not subject to the umask, as the modes above are.
		os.Chmod(filepath.Join(dir, "home"), 0o755),
		os.Chmod(filepath.Join(dir, "home", "git"), 0o700),
		os.Chmod(filepath.Join(dir, "home", "github"), 0o755),
		os.Chmod(filepath.Join(dir, "su"), fs.ModeSetuid|0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestADirectoryKeepsModesAndLinksAndBelongsToRoot(t *testing.T) {
	t.Parallel()
	files, err := Directory(tree(t), []Owner{{"/home/git", 1000, 1001}, {"/su", 7, 8}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Write(&out, files, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	const at = " 1970-01-01T00:00:00Z "
	want := []string{
		"5 0755 0:0" + at + "home/",
		"5 0700 1000:1001" + at + "home/git/",
		"0 0600 1000:1001" + at + `home/git/key "k"`,
		"5 0755 0:0" + at + "home/github/",
		"2 0777 0:0" + at + "lib -> /usr/lib64/nowhere",
		"0 4755 7:8" + at + `su "s"`,
	}
	if diff := cmp.Diff(want, listing(t, out.Bytes())); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestAnOwnerOfNothingIsAnError(t *testing.T) {
	t.Parallel()
	dir := tree(t)
	_, err := Directory(dir, []Owner{{"/home/gti", 1000, 1000}})
	want := "there is no /home/gti in " + dir + " to give to 1000:1000"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestAMissingDirectoryIsNamed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	if _, err := Directory(dir, nil); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want one that names %s", err, dir)
	}
}

func TestParseOwner(t *testing.T) {
	t.Parallel()
	got, err := ParseOwner("/home/git=1000:1001")
	if want := (Owner{"/home/git", 1000, 1001}); err != nil || got != want {
		t.Errorf("owner %v and error %v, want %v", got, err, want)
	}
	for _, s := range []string{"", "/a", "/a=", "/a=1", "/a=1:", "/a=:1", "/a=-1:1", "/a=git:git", "a=1:1", "/a/=1:1", "=1:1", "/a=1:4294967296"} {
		_, err := ParseOwner(s)
		want := `"` + s + `" must be a path in the image, a user and a group, such as /home/git=1000:1000`
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
