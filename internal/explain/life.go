// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Of a wait in front of an app's command (internal/startorder): the exit status if it cannot do
// its own work, that if it has waited too long, and what it says then. Apps use that status too.
const (
	exitWrapper, exitTimeout = 125, 75
	timedOut                 = "was not started: after"
)

// live adds to a pod that has its helpers what keeps them, and so the app, from running.
func (p *PodIn) live(out *Pod) {
	if out.State != Current && out.State != Drifted || finished(p) {
		return
	}
	state, finding := p.life()
	if finding != nil {
		out.State = state
		out.Findings = append([]Finding{*finding}, out.Findings...)
	}
}

// life is the first thing that keeps a pod from running, what has failed before what is awaited.
func (p *PodIn) life() (State, *Finding) {
	if f := p.unmounted(); f != nil {
		return Failing, f
	}
	statuses := slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
	for i := range statuses {
		if f := p.failing(&statuses[i]); f != nil {
			return Failing, f
		}
	}
	for i := range p.Status.InitContainerStatuses {
		s := &p.Status.InitContainerStatuses[i]
		if done(s) {
			continue
		}
		if !pod.Reserved(s.Name) { // an init container of the app has its turn
			return "", nil
		}
		return Waiting, p.awaited(s)
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return Waiting, &Finding{
				Code: NotRunningYet, Problem: true, Text: "no node takes the pod: " + oneLine(c.Message),
				Fix: "make room, or request less: a helper's requests count as the app's do",
			}
		}
	}
	return "", nil
}

// NotRunning are the containers whose logs may say why the pod does not run, at most two.
func (p *PodIn) NotRunning() []string {
	var names []string
	for i := range p.Status.InitContainerStatuses {
		if s := &p.Status.InitContainerStatuses[i]; pod.Reserved(s.Name) && !done(s) {
			names = append(names, s.Name)
		}
	}
	for i := range p.Status.ContainerStatuses {
		if s := &p.Status.ContainerStatuses[i]; p.waits(s.Name) && s.State.Running == nil {
			names = append(names, s.Name)
		}
	}
	return names[:min(len(names), 2)]
}

// waits reports whether a container of the app has a wait in front of its command.
func (p *PodIn) waits(container string) bool {
	i := slices.IndexFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	return i >= 0 && len(p.Spec.Containers[i].Command) > 0 && p.Spec.Containers[i].Command[0] == helper.Program
}

// done reports whether what follows an init container may start.
func done(s *corev1.ContainerStatus) bool {
	return s.State.Terminated != nil && s.State.Terminated.ExitCode == 0 || s.State.Running != nil && s.Started != nil && *s.Started
}

// unmounted is the finding about a volume of ours that cannot be mounted, of which the events
// alone tell.
func (p *PodIn) unmounted() *Finding {
	for _, e := range p.Seen.Events {
		if e.Reason != "FailedMount" || !strings.Contains(e.Message, `"`+pod.ReservedPrefix) || p.Status.Phase == corev1.PodRunning {
			continue
		}
		return &Finding{
			Code: VolumeNotMounted, Problem: true, Text: oneLine(e.Message),
			Fix: "create the object in namespace " + p.Namespace + ", or correct the annotation that names it; the kubelet tries again by itself",
		}
	}
	return nil
}

// failing is the finding about a container of ours, or one that waits in front of its command,
// that cannot run.
func (p *PodIn) failing(s *corev1.ContainerStatus) *Finding {
	if !pod.Reserved(s.Name) {
		return p.gaveUp(s)
	}
	say := func(fix, format string, args ...any) *Finding {
		return &Finding{Code: HelperFailing, Problem: true, Text: s.Name + " " + oneLine(fmt.Sprintf(format, args...)), Fix: fix}
	}
	if w := s.State.Waiting; w != nil {
		switch w.Reason {
		case "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
			return say("let the nodes pull it: the policy names the image and its imagePullSecrets", "cannot start, %s: %s", w.Reason, cmp.Or(w.Message, s.Image))
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return say(p.kubectl("describe pod "+p.Name), "cannot start, %s: %s", w.Reason, w.Message)
		case "CrashLoopBackOff":
			return say(p.logs(s.Name, true), "ends again and again%s", p.last(s, s.LastTerminationState.Terminated))
		}
	}
	if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
		return say(p.logs(s.Name, false), "has failed%s", p.last(s, t))
	}
	return nil
}

// gaveUp is the finding about a container of the app whose wait has ended it.
func (p *PodIn) gaveUp(s *corev1.ContainerStatus) *Finding {
	if !p.waits(s.Name) {
		return nil
	}
	t := cmp.Or(s.State.Terminated, s.LastTerminationState.Terminated)
	if t == nil || s.State.Running != nil {
		return nil
	}
	if said := t.Message + p.Seen.Logs[s.Name]; t.ExitCode != exitWrapper && (t.ExitCode != exitTimeout || !strings.Contains(said, timedOut)) {
		return nil
	}
	return &Finding{
		Code: HelperFailing, Problem: true, Text: "the command prefix that waits in container " + s.Name + " gave up" + p.last(s, t),
		Fix: p.logs(s.Name, true),
	}
}

// awaited is the finding about a helper of ours that has yet to start, or to have done its work.
func (p *PodIn) awaited(s *corev1.ContainerStatus) *Finding {
	f := &Finding{Code: NotRunningYet, Problem: true, Fix: p.logs(s.Name, false)}
	switch {
	case s.State.Running == nil:
		f.Text, f.Fix = s.Name+" has not started yet", p.kubectl("describe pod "+p.Name)
	case s.Started != nil:
		f.Text = "the app waits for " + s.Name + ", which runs and is not ready" + p.probe() + p.lastLine(s.Name)
	default:
		f.Text = "the app waits for " + s.Name + ", which has yet to end" + p.lastLine(s.Name)
	}
	return f
}

// probe is what the kubelet last said of a probe.
func (p *PodIn) probe() string {
	var last *corev1.Event
	for i := range p.Seen.Events {
		e := &p.Seen.Events[i]
		if e.Reason == "Unhealthy" && strings.Contains(e.InvolvedObject.FieldPath, "{"+pod.ReservedPrefix) && (last == nil || last.LastTimestamp.Before(&e.LastTimestamp)) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	return " (" + oneLine(last.Message) + ")"
}

// last is how a container ended.
func (p *PodIn) last(s *corev1.ContainerStatus, t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return p.lastLine(s.Name)
	}
	text := fmt.Sprintf(", with exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += " (" + t.Reason + ")"
	}
	if line := lastError(t.Message); line != "" {
		return text + ": " + line
	}
	return text + p.lastLine(s.Name)
}

// lastLine is the last error in the log of a container, as far as it was read.
func (p *PodIn) lastLine(container string) string {
	if line := lastError(p.Seen.Logs[container]); line != "" {
		return ": " + line
	}
	return ""
}

// lastError is the last line of a log that is an error or a warning; the last line if none is,
// such as one of a crash.
func lastError(log string) string {
	last := ""
	for _, line := range slices.Backward(strings.Split(log, "\n")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var entry struct{ Level, Msg, Error string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" {
			return oneLine(cmp.Or(last, line))
		}
		text := entry.Msg
		if entry.Error != "" {
			text += ": " + entry.Error
		}
		if entry.Level == "ERROR" || entry.Level == "WARN" {
			return oneLine(text)
		}
		last = cmp.Or(last, text)
	}
	return oneLine(last)
}

// oneLine is a string of the cluster, short enough for a table. The printer sees to what a
// terminal would obey.
func oneLine(text string) string {
	const most = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func (p *PodIn) kubectl(verb string) string { return "kubectl -n " + p.Namespace + " " + verb }

func (p *PodIn) logs(container string, previous bool) string {
	text := p.kubectl("logs " + p.Name + " -c " + container)
	if previous {
		text += " --previous"
	}
	return text
}
