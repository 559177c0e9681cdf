// SPDX-License-Identifier: Apache-2.0

package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listing shows an archive as one line for each entry.
func listing(t *testing.T, archive []byte) []string {
	t.Helper()
	var lines []string
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%c %04o %d:%d %s %s%s%s",
			h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.UTC().Format(time.RFC3339Nano), h.Name, arrow(h.Linkname), quoted(content)))
	}
}

func arrow(link string) string {
	if link == "" {
		return ""
	}
	return " -> " + link
}

func quoted(content []byte) string {
	if len(content) == 0 {
		return ""
	}
	return fmt.Sprintf(" %q", content)
}

func TestALayerIsSortedAndHasItsDirectories(t *testing.T) {
	t.Parallel()
	files := []File{
		Regular("/usr/bin/tool", 0o755, []byte("elf")),
		{Path: "/bin", Mode: fs.ModeSymlink | 0o777, Link: "usr/bin"},
		Regular("/etc/passwd", 0o644, []byte("root")),
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/home/git", Mode: fs.ModeDir | 0o700, UID: 1000, GID: 1001},
		{Path: "/usr/bin/su", Mode: fs.ModeSetuid | fs.ModeSetgid | 0o755, Open: Regular("", 0, nil).Open},
	}
	var out bytes.Buffer
	if err := Write(&out, files, time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))); err != nil {
		t.Fatal(err)
	}
	const at = " 2026-01-02T02:04:05Z "
	want := []string{
		"2 0777 0:0" + at + "bin -> usr/bin",
		"5 0755 0:0" + at + "etc/",
		"0 0644 0:0" + at + `etc/passwd "root"`,
		"5 0755 0:0" + at + "home/",
		"5 0700 1000:1001" + at + "home/git/",
		"5 1777 0:0" + at + "tmp/",
		"5 0755 0:0" + at + "usr/",
		"5 0755 0:0" + at + "usr/bin/",
		"0 6755 0:0" + at + "usr/bin/su",
		"0 0755 0:0" + at + `usr/bin/tool "elf"`,
	}
	if diff := cmp.Diff(want, listing(t, out.Bytes())); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}

	var again bytes.Buffer
	files[0], files[3] = files[3], files[0]
	if err := Write(&again, files, time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same files in another order, with the same second in another zone, are other bytes")
	}
}

func TestALayerRejectsWhatAnImageCannotHold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []File
		want  string
	}{
		"a relative path": {
			[]File{Regular("etc/passwd", 0o644, nil)},
			`"etc/passwd" is not a clean absolute path such as /etc/passwd`,
		},
		"a path that climbs": {
			[]File{Regular("/etc/../passwd", 0o644, nil)},
			`"/etc/../passwd" is not a clean absolute path such as /etc/passwd`,
		},
		"the root itself": {
			[]File{{Path: "/", Mode: fs.ModeDir}},
			`"/" is not a clean absolute path such as /etc/passwd`,
		},
		"a path that is there twice": {
			[]File{Regular("/a", 0o644, nil), Regular("/a", 0o644, nil)},
			"/a is there twice",
		},
		"a file in a file": {
			[]File{Regular("/a", 0o644, nil), Regular("/a/b", 0o644, nil)},
			"/a/b is in /a, which is not a directory",
		},
		"a named pipe": {
			[]File{{Path: "/pipe", Mode: fs.ModeNamedPipe | 0o644}},
			"/pipe cannot be put into the layer: it is neither a file, a directory nor a symbolic link (prw-r--r--)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Write(io.Discard, c.files, time.Unix(0, 0))
			if err == nil || err.Error() != c.want {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
}
