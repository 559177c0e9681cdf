// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A static pod runs already, so a denial of its mirror would only hide it. But the mark
// of a mirror is no way around the guard for anybody else.
func TestTheMirrorOfAStaticPodIsLeftAlone(t *testing.T) {
	p := pod("web-node-1", asking())
	p.Annotations["kubernetes.io/config.mirror"] = "0123456789abcdef"
	p.Spec.NodeName = "node-1"
	kubelet := as(t, "system:node:node-1", "system:nodes")
	if _, err := kubelet.CoreV1().Pods(guardOnly).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("by the kubelet: %v", err)
	}
	denied(t, guardOnly, p, "the init container pillion-git-poller. Either")
}
