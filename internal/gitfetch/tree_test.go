// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestACommitThatMustNotBePublishedIsRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 256)
	// one is a commit with one entry.
	one := func(mode, name, content string) func(*packBuilder) plumbing.Hash {
		return func(b *packBuilder) plumbing.Hash { return b.tree(item{mode, name, b.blob(content)}) }
	}
	for name, c := range map[string]struct {
		tree func(*packBuilder) plumbing.Hash
		want Error
	}{
		"an empty name":    {one("100644", "", "x"), Error{Reason: Refused, Message: `the commit has an entry named "" in directory "", which is not a name`}},
		"a dot":            {one("100644", ".", "x"), Error{Reason: Refused, Message: `the commit has an entry named "." in directory "", which is not a name`}},
		"two dots":         {one("100644", "..", "x"), Error{Reason: Refused, Message: `the commit has an entry named ".." in directory "", which is not a name`}},
		"a slash":          {one("100644", "../x", "x"), Error{Reason: Refused, Message: `the commit has an entry named "../x" in directory "", which is not a name`}},
		"an absolute path": {one("100644", "/etc/passwd", "x"), Error{Reason: Refused, Message: `the commit has an entry named "/etc/passwd" in directory "", which is not a name`}},
		"git's directory":  {one("100644", ".git", "x"), Error{Reason: Refused, Message: `the commit has an entry ".git", a name that belongs to git`}},
		"in other case":    {one("120000", ".GiT", "x"), Error{Reason: Refused, Message: `the commit has an entry ".GiT", a name that belongs to git`}},
		"our own names":    {one("100644", "..data", "x"), Error{Reason: Refused, Message: `the commit has a top-level entry "..data", and names that begin with two dots are kept for publishing; rename it`}},
		"a long name":      {one("100644", long, "x"), Error{Reason: Refused, Message: "the commit has an entry whose name has 256 bytes, and 255 are possible: " + quote(long)}},
		"two dots below": {func(b *packBuilder) plumbing.Hash {
			return b.tree(item{"40000", "a\x1b[2J", b.tree(item{"100644", "..", b.blob("x")})})
		}, Error{Reason: Refused, Message: `the commit has an entry named ".." in directory "a\x1b[2J", which is not a name`}},
		"git's directory below": {func(b *packBuilder) plumbing.Hash {
			return b.tree(item{"40000", "a", b.tree(item{"40000", ".git", b.tree()})})
		}, Error{Reason: Refused, Message: `the commit has an entry "a/.git", a name that belongs to git`}},
		"a device": {one("60000", "sda", "x"), Error{Reason: Refused, Message: `the commit's entry "sda" has the mode "60000", which is none of a file, directory, link or submodule`}},
		"setuid":   {one("104755", "su", "x"), Error{Reason: Refused, Message: `the commit's entry "su" has the mode "104755", which is none of a file, directory, link or submodule`}},
		"no mode":  {one("", "a", "x"), Error{Reason: Refused, Message: `the commit's entry "a" has the mode "", which is none of a file, directory, link or submodule`}},
		"two files": {func(b *packBuilder) plumbing.Hash {
			x := b.blob("x")
			return b.tree(item{"100644", "a", x}, item{"100644", "b", x}, item{"100644", "a", x})
		}, Error{Reason: Refused, Message: `the commit has two entries with the path "a"`}},
		"a file and a directory": {func(b *packBuilder) plumbing.Hash {
			return b.tree(item{"40000", "d", b.tree(item{"120000", "a", b.blob("b")}, item{"40000", "a", b.tree()})})
		}, Error{Reason: Refused, Message: `the commit has two entries with the path "d/a"`}},
		"a link and a directory": {func(b *packBuilder) plumbing.Hash {
			return b.tree(item{"40000", "a", b.tree(item{"100644", "passwd", b.blob("x")})}, item{"120000", "a", b.blob("/etc")})
		}, Error{Reason: Refused, Message: `the commit has two entries with the path "a"`}},
		"a link to root":         {one("120000", "a", "/"), Error{Reason: Refused, Message: `the commit's link "a", with the target "/", leads out of the published directory`}},
		"a link to the token":    {one("120000", "a", "../../var/run/secrets/token"), Error{Reason: Refused, Message: `the commit's link "a", with the target "../../var/run/secrets/token", leads out of the published directory`}},
		"a link to nothing":      {one("120000", "a", ""), Error{Reason: Refused, Message: `the commit's link "a" has the target "", which cannot be one`}},
		"a link with a NUL":      {one("120000", "a", "b\x00c"), Error{Reason: Refused, Message: `the commit's link "a" has the target "b\x00c", which cannot be one`}},
		"a link as long as that": {one("120000", "a", strings.Repeat("a", 4096)), Error{Reason: Refused, Message: `the commit's link "a" has a target of 4096 bytes, and 4095 are possible`}},
		"a deep path": {func(b *packBuilder) plumbing.Hash {
			tree := b.tree()
			for range 1100 {
				tree = b.tree(item{"40000", "d", tree})
			}
			return tree
		}, Error{Reason: Refused, Message: "the commit has a path of more than 2048 bytes: " + quote(strings.Repeat("d/", 1025))}},
		"no tree": {func(b *packBuilder) plumbing.Hash { return b.blob("x") }, Error{
			Reason: BadServer, Message: "the repository is damaged: " + plumbing.ComputeHash(plumbing.BlobObject, []byte("x")).String() + " should be a tree, and is a blob",
		}},
		"a file that is a directory": {func(b *packBuilder) plumbing.Hash { return b.tree(item{"100644", "a", b.tree()}) }, Error{
			Reason: BadServer, Message: "the repository is damaged: 4b825dc642cb6eb9a060e54bf8d69288fbee4904 should be a blob, and is a tree",
		}},
		"a file that is not there": {func(b *packBuilder) plumbing.Hash {
			return b.tree(item{"100644", "a", plumbing.NewHash(strings.Repeat("1", 40))})
		}, Error{Reason: BadServer, Message: "the server's pack is incomplete: it lacks the blob 1111111111111111111111111111111111111111"}},
		"half an entry": {func(b *packBuilder) plumbing.Hash { return b.add(plumbing.TreeObject, "100644 a\x00short") }, Error{
			Reason: BadServer, Message: "the repository is damaged: a tree cannot be read",
		}},
		"no entry": {func(b *packBuilder) plumbing.Hash { return b.add(plumbing.TreeObject, "100644") }, Error{
			Reason: BadServer, Message: "the repository is damaged: a tree cannot be read",
		}},
		"too many files": {func(b *packBuilder) plumbing.Hash {
			var items []item
			for i := range 2001 {
				items = append(items, item{"160000", fmt.Sprint(i), plumbing.ZeroHash})
			}
			return b.tree(items...)
		}, Error{Reason: TooLarge, Message: "the commit has more than the 2000 files and directories that the budget allows"}},
		// https://kate.io/blog/git-bomb/: ten trees, 10^10 files
		"a bomb": {func(b *packBuilder) plumbing.Hash {
			tree := b.tree(item{"100644", "f", b.blob("x")})
			for range 10 {
				var items []item
				for i := range 10 {
					items = append(items, item{"40000", fmt.Sprint(i), tree})
				}
				tree = b.tree(items...)
			}
			return tree
		}, Error{Reason: TooLarge, Message: "the commit has more than the 2000 files and directories that the budget allows"}},
		"one file too large": {one("100644", "a", strings.Repeat("x", 16<<20+1)), Error{
			Reason: TooLarge, Message: "the repository holds an object of 16777217 bytes, which is over the budget of 16777216",
		}},
		"files too large together": {func(b *packBuilder) plumbing.Hash {
			x := b.blob(strings.Repeat("x", 8<<20))
			return b.tree(item{"100644", "a", x}, item{"100644", "b", x}, item{"100755", "c", b.blob("y")})
		}, Error{Reason: TooLarge, Message: `the commit takes more of the volume than the budget of 16777216 bytes, in blocks of 4096; "c" is where it is used up; publish less with subdir, or ask for a larger volumeSizeLimit in the policy, of which the budget is a fifth`}},
		"files that fit only as long as blocks are not counted": {func(b *packBuilder) plumbing.Hash {
			items := []item{{"100644", "large", b.blob(strings.Repeat("x", 15<<20+1))}} // leaves room for 255 blocks
			y := b.blob("y")
			for i := range 256 {
				items = append(items, item{"100644", fmt.Sprintf("small%03d", i), y})
			}
			return b.tree(items...)
		}, Error{Reason: TooLarge, Message: `the commit takes more of the volume than the budget of 16777216 bytes, in blocks of 4096; "small255" is where it is used up; publish less with subdir, or ask for a larger volumeSizeLimit in the policy, of which the budget is a fifth`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b packBuilder
			commit := b.commit(c.tree(&b))
			_, tree, err := checkoutOf(t, b.bytes(), commit, roomy)
			if diff := cmp.Diff(&c.want, err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if _, err := os.Lstat(tree); err == nil {
				t.Error("a part of it was written")
			}
		})
	}
}

func TestWhatIsOddButHarmlessIsPublished(t *testing.T) {
	t.Parallel()
	var b packBuilder
	x := b.blob("x")
	name := strings.Repeat("n", 255)
	deep, path := b.tree(), "deep"
	for range 900 {
		deep, path = b.tree(item{"40000", "d", deep}), path+"/d"
	}
	commit := b.commit(b.tree(
		item{"100664", "group", x}, item{"100755", name, x}, item{"160000", "module", plumbing.ZeroHash},
		item{"40000", "s", b.tree(item{"100644", "..data", x}, item{"120000", "up", b.blob("..//./s/../group")})},
		item{"100644", "new\nline \xff\x1b", x}, item{"100644", ".gitignore", x}, item{"100644", ".x", x},
		item{"040000", "zero", b.tree()}, item{"40000", "deep", deep},
		item{"120000", "self", b.blob("self")}, item{"120000", "gone", b.blob("s/nothing")},
	))
	result, tree, err := checkoutOf(t, b.bytes(), commit, roomy)
	if err != nil {
		t.Fatal(err)
	}
	want := Result{Commit: commit.String(), Changed: true, Files: 9, Bytes: 6, Submodules: 1}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	got := readTree(t, tree)
	if got[path] != isDirectory {
		t.Errorf("the deepest directory is not there")
	}
	for path := range got {
		if strings.HasPrefix(path, "deep/") {
			delete(got, path)
		}
	}
	wantTree := files{
		"group": "x", name: isExecutable + "x", "module": isDirectory, "s": isDirectory, "s/..data": "x", "s/up": isLink + "..//./s/../group",
		"new\nline \xff\x1b": "x", ".gitignore": "x", ".x": "x", "zero": isDirectory, "deep": isDirectory, "self": isLink + "self", "gone": isLink + "s/nothing",
	}
	if diff := cmp.Diff(wantTree, got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// The content is read by other users than ours, so a umask must not hide it.
func TestModesDoNotDependOnTheUmask(t *testing.T) { //nolint:paralleltest // the umask is the process's
	old := unix.Umask(0o777)
	defer unix.Umask(old)
	var b packBuilder
	x := b.blob("x")
	commit := b.commit(b.tree(item{"40000", "d", b.tree(item{"100644", "f", x}, item{"100755", "x", x})}, item{"160000", "m", x}))
	_, tree, err := checkoutOf(t, b.bytes(), commit, roomy)
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"": 0o755, "d": 0o755, "m": 0o755, "d/f": 0o644, "d/x": 0o755} {
		info, err := os.Stat(filepath.Join(tree, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
}

func TestFilesBearTheTimeOfTheirCommit(t *testing.T) {
	t.Parallel()
	for committer, want := range map[string]int64{
		"C <c@x> 1700000000 +0100":     1700000000,
		"C > > D <c> 1700000000 -1200": 1700000000,
		"C <c> 0 +0000":                0,
		"C <c> -1 +0000":               0,
		"C <c> 99999999999999 +0000":   0,
		"C <c> soon +0000":             0,
		"C <c>":                        0,
		"":                             0,
	} {
		if got := commitTime(committer); got.Unix() != want {
			t.Errorf("%q is of %d, want %d", committer, got.Unix(), want)
		}
	}
}

func TestPointersOfLFSAreCounted(t *testing.T) {
	t.Parallel()
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
	var b packBuilder
	commit := b.commit(b.tree(
		item{"100644", "a", b.blob(pointer)}, item{"100644", "b", b.blob("about " + pointer)}, item{"100644", "c", b.blob(pointer + strings.Repeat(" ", 1024))},
		item{"120000", "d", b.blob("a")},
	))
	result, _, err := checkoutOf(t, b.bytes(), commit, roomy)
	if err != nil || result.LFSPointers != 1 {
		t.Errorf("got %+v (%v), want one pointer", result, err)
	}
}

// A tree that is accepted is on disk as it was read, and nothing else is.
func FuzzTree(f *testing.F) {
	var b packBuilder
	blob, directory := b.blob("up"), b.tree(item{"100644", "f", b.blob("x")})
	for _, name := range []string{"a", "..", "../a", "a/b", ".git", "..data", "a\x00b", "link"} {
		for _, mode := range []string{"100644", "120000", "160000"} {
			f.Add([]byte(mode+" "+name+"\x00"+string(blob[:])), "../a")
		}
		f.Add([]byte("40000 "+name+"\x00"+string(directory[:])), "a")
	}
	f.Fuzz(func(t *testing.T, tree []byte, target string) {
		b := packBuilder{}
		b.blob("up")
		b.tree(item{"100644", "f", b.blob("x")}, item{"120000", "l", b.blob(target)})
		commit := b.commit(b.add(plumbing.TreeObject, string(tree)))
		_, dir, err := checkoutOf(t, b.bytes(), commit, roomy)
		if err != nil {
			return
		}
		if above, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(above) != 2 {
			t.Errorf("there is %v (%v), want the tree and %s alone", above, err, keptName)
		}
		for path, content := range readTree(t, dir) {
			name, top := filepath.Base(path), !strings.Contains(path, "/")
			if strings.EqualFold(name, ".git") || top && strings.HasPrefix(name, "..") {
				t.Errorf("%q was published", path)
			}
			if strings.HasPrefix(content, isLink+"/") {
				t.Errorf("%q leads to %q", path, content)
			}
		}
	})
}
