// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// app is a container of the test image.
type app struct {
	name    string
	user    int // 0 is root, as in images that do not say
	command string
}

// podOf is a pod that ends: its annotations, one a line, and its apps in the order in
// which the kubelet starts them.
func podOf(name string, annotations []string, apps ...app) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {app: story}\n  annotations:\n    story: told\n", name)
	for _, line := range annotations {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	b.WriteString("spec:\n  restartPolicy: Never\n  containers:\n")
	for _, a := range apps {
		fmt.Fprintf(&b, "    - name: %s\n      image: pillion.test/e2e:dev\n      command: [%s]\n", a.name, a.command)
		if a.user > 0 { // and then as Pod Security's restricted wants it
			fmt.Fprintf(&b, "      securityContext: {runAsUser: %d, runAsGroup: %d, runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}\n", a.user, a.user)
		}
	}
	return b.String()
}

// restricted is the label of a namespace that takes no other pods.
const restricted = "pod-security.kubernetes.io/enforce=restricted"

// succeedsOften starts the pod again and again, some at a time, and fails the story if
// one of them does not succeed. 20 times are two minutes; E2E_MEASURE=1 asks for 50.
func (s story) succeedsOften(make func(name string) string) {
	s.Helper()
	const together = 10
	times := 20
	if os.Getenv("E2E_MEASURE") != "" {
		times = 50
	}
	start := time.Now()
	for i := 0; i < times; i += together {
		var names []string
		var manifest strings.Builder
		for n := i; n < min(i+together, times); n++ {
			names = append(names, fmt.Sprintf("pod-%d", n))
			manifest.WriteString(make(names[len(names)-1]))
		}
		s.apply(manifest.String())
		s.allSucceed(len(names))
		s.kubectl("delete", "pods", "--all", "--now")
	}
	s.Logf("%d of %d pods have succeeded, in %s", times, times, time.Since(start).Round(time.Second))
}

// allSucceed waits until so many pods of the story have succeeded, and fails it as soon
// as one container ends in another way.
func (s story) allSucceed(count int) {
	s.Helper()
	s.await(func() error {
		codes := s.kubectl("get", "pods", "-o", `jsonpath={range .items[*]}{.metadata.name}{range .status.containerStatuses[*]} {.state.terminated.exitCode}{end}{"\n"}{end}`)
		for line := range strings.Lines(codes) {
			pod, exits, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.Trim(exits, "0 ") != "" {
				s.Fatalf("the containers of %s exit with %s", pod, exits)
			}
		}
		phases := s.kubectl("get", "pods", "-o", "jsonpath={.items[*].status.phase}")
		if n := strings.Count(phases, "Succeeded"); n < count {
			return fmt.Errorf("%d of %d pods have succeeded", n, count)
		}
		return nil
	})
}

// ends waits until a container has ended, and returns its exit code.
func (s story) ends(pod, container string) (code string) {
	s.Helper()
	s.await(func() error {
		code = s.kubectl("get", "pod", pod, "-o", fmt.Sprintf("jsonpath={.status.containerStatuses[?(@.name==%q)].state.terminated.exitCode}", container))
		if code == "" {
			return fmt.Errorf("%s has not ended", container)
		}
		return nil
	})
	return code
}

// said fails the story unless a container has printed exactly this.
func (s story) said(pod, container, want string) {
	s.Helper()
	if got := s.kubectl("logs", pod, "-c", container); got != want {
		s.Errorf("%s of %s said %q, want %q", container, pod, got, want)
	}
}

// refused returns why a manifest is not admitted.
func (s story) refused(manifest string) string {
	s.Helper()
	_, err := kubectl(s.Context(), manifest, "-n", s.namespace, "apply", "-f", "-")
	if err == nil {
		s.Fatal("the pod is admitted")
	}
	return err.Error()
}
