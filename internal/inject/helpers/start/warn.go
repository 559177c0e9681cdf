// SPDX-License-Identifier: Apache-2.0

package start

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// warnWaiting says what a wait does to the rest of the pod.
func warnWaiting(e *helper.Editor, w *wrapped) {
	if len(w.waits) > 0 && w.LivenessProbe != nil && w.StartupProbe == nil {
		e.Warn(shortened("start: %s may be killed while it waits: it has a liveness probe and no startup probe", w.Name))
	}
	for _, c := range w.waits {
		if !c.exited {
			continue
		}
		other, _ := e.Spec().Find(c.container)
		policy := other.RestartPolicy
		if policy == "" {
			policy = e.Spec().RestartPolicy
		}
		if policy == "" || policy == string(corev1.RestartPolicyAlways) {
			e.Warn(shortened("start: %s ends and is started again each time, since its restartPolicy is Always", c.container))
		}
	}
}

// shortened puts a name into a warning, of which kubectl shows so many letters.
func shortened(format, name string) string {
	const most = 24
	if len(name) > most {
		name = name[:most] + "…"
	}
	return fmt.Sprintf(format, name)
}
