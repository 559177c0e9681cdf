// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// poller is the helper's container in a pod with one of them.
const poller = "pillion-git-poller"

// ready is whether the pod is Ready, and how often its helper was restarted.
const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.initContainerStatuses[0].restartCount}`

// pod is a manifest that asks for a git-poller. spec is of the pod, indented by two.
func pod(name, ip, annotations, spec string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: %s
  labels: {app: web}
  annotations:
    git-poller.pillion.dev/repo: http://git.test:8080/site.git
    git-poller.pillion.dev/mount-path: /usr/share/nginx/html
    %s
spec:
  hostAliases: [{ip: %s, hostnames: [git.test]}]
%s`, name, strings.TrimSpace(strings.ReplaceAll(annotations, "\n", "\n    ")), ip, spec)
}

// smallSite is the app with a volume of its own for the content. A fifth of its size
// is what a commit may have: 10 MiB.
const smallSite = `
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx]
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: content, mountPath: /usr/share/nginx/html, readOnly: true}
  volumes:
    - {name: tmp, emptyDir: {}}
    - {name: content, emptyDir: {sizeLimit: 50Mi}}
`

// byHand is the pod that the webhook would make of the site, with the helper under a
// user ID, and with other or further flags.
func byHand(ip string, user int64, flags ...string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  hostAliases: [{ip: %s, hostnames: [git.test]}]
  securityContext: {runAsUser: %d, runAsNonRoot: true}
  initContainers:
    - name: %s
      image: ghcr.io/pillion-dev/pillion-helper:v0.1.0
      command: [/pillion-helper]
      args: [git-poller, --root=/content, --repo=http://git.test:8080/site.git, %s]
      restartPolicy: Always
      resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 10m, memory: 32Mi}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      startupProbe: {exec: {command: [/pillion-helper, probe, --content=/content]}, periodSeconds: 1, failureThreshold: 60}
      volumeMounts: [{name: content, mountPath: /content}]`, ip, user, poller, strings.Join(flags, ", ")) + smallSite
}

// terminate sends SIGTERM to the process 1 that a container sees, by a command of the
// container's own. When that process ends at once, the kernel kills whatever else runs in its
// PID namespace, the command too if it has not ended yet: that is an exit with 137, and is no
// failure. That the process was reached is for the story to see.
func (s story) terminate(pod, container string, command ...string) {
	s.Helper()
	_, err := kubectl(s.Context(), "", append([]string{"-n", s.namespace, "exec", pod, "-c", container, "--"}, command...)...)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 128+int(syscall.SIGKILL)) {
		s.Fatal(err)
	}
}

// unhurried is for the spec of a pod, which needs these ten minutes to end if SIGTERM is
// not heard. Half a minute, as usual, is what a busy machine can take if it is.
const unhurried = "\n  terminationGracePeriodSeconds: 600\n"

// deletesAtOnce deletes a pod that is unhurried, and fails the story if one of its
// processes does not hear that it should end.
func (s story) deletesAtOnce(pod string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), soon)
	defer cancel()
	start := time.Now()
	if _, err := kubectl(ctx, "", "-n", s.namespace, "delete", "pod", pod); err != nil {
		s.Fatalf("the pod is not gone %v after it was told to end: %v", time.Since(start), err)
	}
	s.Logf("deleting the pod took %v", time.Since(start))
}

// log is what a container has logged.
func (s story) log(pod, container string) string {
	s.Helper()
	return s.kubectl("logs", pod, "-c", container)
}

// awaitLog waits until a container has logged text, after what it had logged before.
func (s story) awaitLog(pod, container, before, text string) {
	s.Helper()
	s.await(func() error {
		log, err := kubectl(s.Context(), "", "-n", s.namespace, "logs", pod, "-c", container)
		if err == nil && !strings.Contains(strings.TrimPrefix(log, before), text) {
			last := strings.Split(strings.TrimSpace(log), "\n")
			err = fmt.Errorf("the log of %s does not say %q; its last line is %s", container, text, last[len(last)-1])
		}
		return err
	})
}

// get is a part of the pod.
func (s story) get(pod, output string) string {
	s.Helper()
	return s.kubectl("get", "pod", pod, "-o", output)
}

// awaitPart waits until a part of the pod is want.
func (s story) awaitPart(pod, output, want string) {
	s.Helper()
	s.await(func() error {
		got, err := kubectl(s.Context(), "", "-n", s.namespace, "get", "pod", pod, "-o", output)
		if err == nil && got != want {
			err = fmt.Errorf("%s of pod %s is %q, want %q", output, pod, got, want)
		}
		return err
	})
}

// whileServed tells one part of a story while a visitor asks the pod for its page
// without a pause, and must get text every time.
func (s story) whileServed(pod, text string, tell func()) {
	s.Helper()
	const visit = `n=0; while [ ! -e /tmp/enough ]; do
		got=$(wget -qO- http://127.0.0.1:8080/); [ "$got" = "$0" ] || { echo "visit $n got '$got'"; exit 1; }
		n=$((n+1)); done; echo $n`
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		out, err := kubectl(ctx, "", "-n", s.namespace, "exec", pod, "-c", "web", "--", "busybox", "sh", "-c", visit, text)
		if err == nil {
			s.Logf("%s visits, all served", strings.TrimSpace(out))
		}
		done <- errors.Join(err, unless(err == nil, out))
	}()
	tell()
	s.kubectl("exec", pod, "-c", "web", "--", "busybox", "touch", "/tmp/enough")
	if err := <-done; err != nil {
		s.Error(err)
	}
}

// unless is an error of what was said, if all is not well.
func unless(well bool, said string) error {
	if well {
		return nil
	}
	return errors.New(strings.TrimSpace(said))
}
