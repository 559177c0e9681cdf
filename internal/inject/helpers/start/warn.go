// SPDX-License-Identifier: Apache-2.0

package start

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// warnWaiting says what a wait does to the rest of the pod.
func warnWaiting(e *helper.Editor, w *wrapped, limit time.Duration) {
	if len(w.waits) > 0 && w.LivenessProbe != nil && w.StartupProbe == nil {
		e.Warn(shortened("start: %s may be killed while it waits: it has a liveness probe and no startup probe", w.Name))
	}
	if grants := w.StartupProbe; grants != nil && len(w.waits) > 0 && limit > grants.Grants() {
		e.Warn(fmt.Sprintf("start: %.24s may wait for %s, and its startup probe ends it after %s", w.Name, option.ShortDuration(limit), option.ShortDuration(grants.Grants())))
	}
	warnPostStart(e, w)
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

// warnPostStart warns of a container that waits, and whose hook keeps the kubelet from starting
// the containers behind it: what it waits for may be made by one of them.
func warnPostStart(e *helper.Editor, w *wrapped) {
	if w.Lifecycle == nil || w.Lifecycle.PostStart == nil || w.Index == len(e.Spec().Containers)-1 {
		return
	}
	if slices.ContainsFunc(w.waits, func(c condition) bool { return c.container == "" && c.local() }) {
		e.Warn(shortened("start: no container after %s starts before its postStart hook ends; does it wait for one of them?", w.Name))
	}
}

// local reports whether a condition can be met by another container of the pod.
func (c *condition) local() bool {
	kind, what, _ := strings.Cut(c.text, ":")
	if kind != "tcp" && kind != "http" {
		return true
	}
	address, _, _ := strings.Cut(what, "/")
	host, _, err := net.SplitHostPort(address)
	addr, notIP := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || notIP == nil && addr.IsLoopback())
}

// denyPostStart denies a container whose hook keeps that from starting which the container
// waits for by name. One that has its wait already was admitted, and what is different now came
// later.
func denyPostStart(e *helper.Editor, r *helper.Request, w *wrapped) {
	if w.Lifecycle == nil || w.Lifecycle.PostStart == nil || wrapperOf(w.Command) > 0 {
		return
	}
	for _, c := range w.waits {
		if other, found := e.Spec().Find(c.container); found && other.Index > w.Index {
			e.Deny(reason.Invalid(reason.Contradiction, r.Path(after), w.Name+"="+c.text,
				"container %q has a postStart hook, and Kubernetes starts no later container before the hook ends; %q is a later one; put %q first, or remove the hook", w.Name, c.container, c.container))
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
