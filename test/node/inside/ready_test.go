// SPDX-License-Identifier: Apache-2.0

//go:build linux

package inside

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestANodeIsReadyWhenItGetsPods(t *testing.T) {
	t.Parallel()
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
	for name, tt := range map[string]struct {
		taints     []corev1.Taint
		conditions []corev1.NodeCondition
		want       string
	}{
		"ready":           {conditions: []corev1.NodeCondition{{Type: corev1.NodeDiskPressure}, ready}},
		"a mild taint":    {taints: []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectPreferNoSchedule}}, conditions: []corev1.NodeCondition{ready}},
		"still tainted":   {taints: []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectNoSchedule}}, conditions: []corev1.NodeCondition{ready}, want: "the node is tainted k:NoSchedule"},
		"nothing yet":     {want: "the node has not said whether it is ready"},
		"without network": {conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Reason: "KubeletNotReady", Message: "no CNI"}}, want: "the node is not ready: KubeletNotReady: no CNI"},
	} {
		node := &corev1.Node{Spec: corev1.NodeSpec{Taints: tt.taints}, Status: corev1.NodeStatus{Conditions: tt.conditions}}
		got := ""
		if err := schedulable(node); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheEndOfALogIsShown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	var lines strings.Builder
	for i := range 20 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	got := LastLines(path)
	if !strings.HasPrefix(got, "\nthe end of its log:\nline 8\n") || !strings.HasSuffix(got, "\nline 19") {
		t.Errorf("got %q", got)
	}
}
