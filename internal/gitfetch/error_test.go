// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnErrorSurvivesATripThroughJSON(t *testing.T) {
	t.Parallel()
	want := failf(Refused, "the path %s\x1b[2J", foreign("\n\x00é")).publish("https://host/x", secrets(nil).redact)
	if message := `https://host/x: the path "\n\x00é"` + "�[2J"; want.Message != message {
		t.Errorf("got message %q, want %q", want.Message, message)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Error
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestAFullVolumeIsAReasonOfItsOwn(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]Error{
		syscall.ENOSPC: {Reason: NoSpace, Message: "the content volume is full (write x: no space left on device); raise its size limit, or publish less"},
		syscall.EDQUOT: {Reason: NoSpace, Message: "the content volume is full (write x: disk quota exceeded); raise its size limit, or publish less"},
		syscall.EIO:    {Reason: Local, Message: "the content volume cannot be used (write x: input/output error)"},
	} {
		// As it comes out of the middle of reading a pack.
		err := malformed(fmt.Errorf("zlib: %w", &os.PathError{Op: "write", Path: "x", Err: errno}))
		got := asError(err)
		got.Message = strings.Replace(got.Message, "zlib: ", "", 1)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

func TestAFolderThatIsNotAsItShouldBe(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	url := serveRepo(t, r)
	used := t.TempDir()
	if err := os.Mkdir(filepath.Join(used, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"/nonexistent": ": the content volume cannot be used (open /nonexistent: no such file or directory)",
		used:           ": the content volume cannot be used (mkdirat tree: file exists)",
	} {
		if diff := cmp.Diff(&Error{Reason: Local, Message: url + want}, mustFail(t, Request{Repo: url, Dir: dir})); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	}
}

func TestTheReasonsAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		if seen[r] || r == "" {
			t.Errorf("%q is listed twice", r)
		}
		seen[r] = true
	}
}
