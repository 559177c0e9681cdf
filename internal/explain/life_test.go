// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

func TestJudgeKnowsThePodsLife(t *testing.T) {
	t.Parallel()
	now := policyOf(t, "default", "{date-writer: }")
	const name = "pillion-date-writer"
	waiting := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	ended := func(code int32, message string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}
	}
	event := func(reason, path, message string) []corev1.Event {
		return []corev1.Event{{Reason: reason, Message: message, InvolvedObject: corev1.ObjectReference{FieldPath: path}}}
	}
	const log = `{"time":"x","level":"INFO","msg":"started"}
{"time":"x","level":"ERROR","msg":"poll failed","error":"authentication required"}
{"time":"x","level":"INFO","msg":"waiting"}
`
	for what, c := range map[string]struct {
		statuses, apps []corev1.ContainerStatus
		change         func(*corev1.Pod)
		seen           Seen
		state          State
		want           []string
	}{
		"no kubelet has seen it": {state: Current},
		"its helper runs":        {statuses: []corev1.ContainerStatus{{Name: name, State: running, Started: new(true)}}, state: Current},
		"its image cannot be pulled": {
			statuses: []corev1.ContainerStatus{waiting("ImagePullBackOff", `Back-off pulling image "x": not found`)}, state: Failing,
			want: []string{`HelperFailing: pillion-date-writer cannot start, ImagePullBackOff: Back-off pulling image "x": not found`},
		},
		"its image is not there": {
			statuses: []corev1.ContainerStatus{{Name: name, Image: "registry.example/x", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull"}}}}, state: Failing,
			want: []string{"HelperFailing: pillion-date-writer cannot start, ErrImageNeverPull: registry.example/x"},
		},
		"a user that its image does not allow": {
			statuses: []corev1.ContainerStatus{waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")}, state: Failing,
			want: []string{"HelperFailing: pillion-date-writer cannot start, CreateContainerConfigError: container has runAsNonRoot and image will run as root"},
		},
		"it crashes": {
			statuses: []corev1.ContainerStatus{{
				Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: ended(125, log)},
			}},
			state: Failing,
			want:  []string{"HelperFailing: pillion-date-writer ends again and again, with exit code 125: poll failed: authentication required"},
		},
		"it has no memory": {
			statuses: []corev1.ContainerStatus{{
				Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}},
			}},
			state: Failing,
			want:  []string{"HelperFailing: pillion-date-writer ends again and again, with exit code 137 (OOMKilled)"},
		},
		"it has failed for good": {
			statuses: []corev1.ContainerStatus{{Name: name, State: corev1.ContainerState{Terminated: ended(1, "no such queue\n")}}}, state: Failing,
			want: []string{"HelperFailing: pillion-date-writer has failed, with exit code 1: no such queue"},
		},
		"a Secret is missing": {
			statuses: []corev1.ContainerStatus{waiting("PodInitializing", "")}, state: Failing,
			seen: Seen{Events: event("FailedMount", "", `MountVolume.SetUp failed for volume "pillion-git-poller-secret" : secret "git-site" not found`)},
			want: []string{`VolumeNotMounted: MountVolume.SetUp failed for volume "pillion-git-poller-secret" : secret "git-site" not found`},
		},
		"a volume of the app is missing": {
			statuses: []corev1.ContainerStatus{waiting("PodInitializing", "")}, state: Waiting,
			seen: Seen{Events: event("FailedMount", "", `MountVolume.SetUp failed for volume "conf" : configmap "x" not found`)},
			want: []string{"NotRunningYet: pillion-date-writer has not started yet"},
		},
		"its probe fails": {
			statuses: []corev1.ContainerStatus{{Name: name, State: running, Started: new(false)}}, state: Waiting,
			seen: Seen{Events: event("Unhealthy", "spec.initContainers{pillion-date-writer}", "Startup probe failed: no content"), Logs: map[string]string{name: log}},
			want: []string{"NotRunningYet: the app waits for pillion-date-writer, which runs and is not ready (Startup probe failed: no content): poll failed: authentication required"},
		},
		"it has yet to end": {
			statuses: []corev1.ContainerStatus{{Name: name, State: running}}, state: Waiting,
			want: []string{"NotRunningYet: the app waits for pillion-date-writer, which has yet to end"},
		},
		"an init container of the app has its turn": {
			statuses: []corev1.ContainerStatus{{Name: "migrate", State: running}, waiting("PodInitializing", "")}, state: Current,
		},
		"a pod that has ended is not judged": {
			statuses: []corev1.ContainerStatus{{Name: name, State: corev1.ContainerState{Terminated: ended(1, "")}}}, state: Current,
			change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed },
		},
		"no node takes it": {
			change: func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available: 3 Insufficient cpu."}}
			},
			state: Waiting, want: []string{"NotRunningYet: no node takes the pod: 0/3 nodes are available: 3 Insufficient cpu."},
		},
		"a wait that gave up": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{helper.Program, "start", "--", "app"} },
			apps: []corev1.ContainerStatus{{
				Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: ended(75, "pillion: app was not started: after 5m still no queue /a")},
			}},
			state: Failing, want: []string{"HelperFailing: the command prefix that waits in container app gave up, with exit code 75: pillion: app was not started: after 5m still no queue /a"},
		},
		"an app that fails with the same exit code": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{helper.Program, "start", "--", "app"} },
			apps:   []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Terminated: ended(75, "try later")}}}, state: Current,
		},
		"an app that fails is its own": {
			apps: []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}, state: Current,
		},
	} {
		t.Run("a pod: "+what, func(t *testing.T) {
			t.Parallel()
			p := injected(t, now, version)
			p.Status.InitContainerStatuses, p.Status.ContainerStatuses = c.statuses, c.apps
			if c.change != nil {
				c.change(p)
			}
			l := &Look{Injector: version, Policies: &Policies{ByName: map[string]*inject.Policy{"default": now}}, Cluster: clusterWith(nil, webhook("default", nil)), Newest: Newest{}}
			in := read(t, p)
			in.Seen = c.seen
			got := l.Judge(in)
			wantPod(t, got, c.state, c.want)
			for _, f := range got.Findings {
				if f.Fix == "" {
					t.Errorf("%s does not say what to do", f.Code)
				}
			}
		})
	}
}

func TestTheLastErrorOfALog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ log, want string }{
		"nothing":                       {"", ""},
		"one line that is no JSON":      {"panic: x\n", "panic: x"},
		"a crash behind entries":        {`{"level":"ERROR","msg":"a"}` + "\npanic: x\n\ngoroutine 1", "goroutine 1"},
		"entries without an error":      {`{"level":"INFO","msg":"a"}` + "\n" + `{"level":"INFO","msg":"b"}`, "b"},
		"a warning counts":              {`{"level":"WARN","msg":"a","error":"e"}` + "\n" + `{"level":"INFO","msg":"b"}`, "a: e"},
		"the last of several":           {`{"level":"ERROR","msg":"a"}` + "\n" + `{"level":"ERROR","msg":"b"}`, "b"},
		"a long line is cut":            {strings.Repeat("x", 1000), strings.Repeat("x", 400) + "…"},
		"a line break in an error ends": {`{"level":"ERROR","msg":"a\nb"}`, "a b"},
	} {
		if got := lastError(c.log); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
