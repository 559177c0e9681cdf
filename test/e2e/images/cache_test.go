// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestADamagedOrAbsentPackageIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"whole": "abc", "cut": "ab"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	absent, cut := deb{file: "absent", sha256: abc}, deb{file: "cut", sha256: abc}
	got := missing(dir, []deb{{file: "whole", sha256: abc}, absent, cut})
	if diff := cmp.Diff([]deb{absent, cut}, got, cmp.AllowUnexported(deb{})); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}
