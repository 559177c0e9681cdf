// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatWasAddedIsGreen(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &printer{out: &out, colour: true}
	if err := p.block(green, "+ ", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\x1b[32m+ - x\x1b[0m\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAFileGetsNoColour(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if newPrinter(f).colour {
		t.Error("a file is written in colour")
	}
}

func TestCommandsCanBeTyped(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60)
	for name, tc := range map[string]struct {
		words []string
		want  string
	}{
		"plain words are as they are":         {[]string{"kubectl", "apply", "-f", "web.yaml"}, "$ kubectl apply -f web.yaml\n"},
		"what a shell would change is quoted": {[]string{"git", "-m", "Version 2", "--redirect=http://a/*"}, "$ git -m 'Version 2' '--redirect=http://a/*'\n"},
		"a quote inside of quotes":            {[]string{"echo", "it's"}, `$ echo 'it'\''s'` + "\n"},
		"a long one goes on in the next line": {[]string{"echo", long, long, long}, "$ echo " + long + " \\\n    " + long + " \\\n    " + long + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			(&printer{out: &out}).command(tc.words...)
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressIsPrintedInWholeLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := &progress{out: &printer{out: &out}}
	for _, part := range []string{"controlplane: star", "ting\nclus", "ter: [1/4] etcd …\n"} {
		if n, err := p.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("%d written, error %v", n, err)
		}
	}
	if got, want := out.String(), "starting\ncluster: [1/4] etcd …\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
