// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"os/exec"
	"testing"

	"github.com/pillion-dev/pillion/test/node/config"
)

func TestOnlyFaultsThatSomebodyWantedAreForgiven(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		piece, script string
		again, ok     bool
	}{
		"an API server that was told to end": {piece: "kube-apiserver", script: "exit 0", again: true, ok: true},
		"an API server that failed":          {piece: "kube-apiserver", script: "exit 1"},
		"an API server that was killed":      {piece: "kube-apiserver", script: "kill -9 $$"},
		"another piece, whatever it says":    {piece: "kubelet", script: "exit 0"},
		"a node that was killed":             {script: "kill -9 $$", ok: true},
		"a node that ended by itself":        {script: "exit 1"},
	} {
		cmd := exec.Command("sh", "-c", tt.script)
		_ = cmd.Run()
		again, ok := end{piece: config.Piece{Name: tt.piece}, state: cmd.ProcessState}.wanted()
		if ok != tt.ok || ok && (len(again) > 0) != tt.again {
			t.Errorf("%s: forgiven %t, and %d pieces are started again; want %t, %t", name, ok, len(again), tt.ok, tt.again)
		}
	}
	if _, ok := (end{}).wanted(); ok {
		t.Error("a node that reports a failure is forgiven")
	}
}
