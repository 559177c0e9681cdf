// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"os"
	"testing"

	"github.com/pillion-dev/pillion/internal/ipc"
	"github.com/pillion-dev/pillion/internal/ipc/ipctest"
)

func TestConditionsAboutKernelObjects(t *testing.T) { //nolint:paralleltest // its process has one umask
	if !ipctest.Inside(t) {
		return
	}
	dir := t.TempDir()
	key, err := ipc.ParseKey("ftok(" + dir + ",65)")
	if err != nil {
		t.Fatal(err)
	}
	number := ipc.Key{Number: 0x1234}
	for text, object := range map[string]ipc.Object{
		"mqueue:/q":                     ipc.Queue{Name: "/q", MaxMsg: 1, MsgSize: 1},
		"sysv-msg:0x00001234":           ipc.SysV{Kind: ipc.Msg, Key: number},
		"sysv-sem:0x1234":               ipc.SysV{Kind: ipc.Sem, Key: number, Size: 2},
		"sysv-shm:ftok(" + dir + ",65)": ipc.SysV{Kind: ipc.Shm, Key: key, Size: 2},
	} {
		check := must(t, text)
		sees(t, check, "does not exist")
		if err := ipc.Create([]ipc.Object{object}); err != nil { // with the mode 0000: it exists all the same
			t.Fatal(err)
		}
		sees(t, check, "")
	}
	sees(t, must(t, "sysv-msg:ftok(/no,65)"), "its key needs a path that exists in this container: stat /no: no such file or directory")

	name := "/dev/shm/pillion-test-" + t.Name()
	check := must(t, "shm:/pillion-test-"+t.Name())
	sees(t, check, "does not exist")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Skip("there is no /dev/shm to write to:", err)
	}
	defer os.Remove(name)
	sees(t, check, "")
}
