// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// up is how other containers of the pod, which have the helper's loopback, know that it is up:
// by the port that its probe asks. The app starts after an init container, and after a sidecar
// with a startupProbe, anyway.
func (b *builder) up(r *helper.Request, _ string) (condition string, held bool) {
	k := &b.spec.Container
	starting := probe(k.StartupProbe, r)
	held = b.spec.Run == "Init" || starting != nil && b.waits(r)
	for _, p := range []*corev1.Probe{starting, probe(k.ReadinessProbe, r)} {
		switch {
		case p == nil:
		case p.HTTPGet != nil:
			return fmt.Sprintf("http:127.0.0.1:%d%s", p.HTTPGet.Port.IntVal, p.HTTPGet.Path), held
		case p.TCPSocket != nil:
			return fmt.Sprintf("tcp:127.0.0.1:%d", p.TCPSocket.Port.IntVal), held
		}
	}
	return "", held
}

// waits reports whether the app waits for the startupProbe.
func (b *builder) waits(r *helper.Request) bool {
	return b.spec.Wait == nil || text(b.spec.Wait, r) != "false"
}
