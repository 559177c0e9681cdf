// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func pod(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	var p corev1.Pod
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

const author = `
metadata:
  annotations: {mine: "1"}
spec:
  initContainers: [{name: migrate}]
  containers:
  - {name: web, env: [{name: MINE, value: "1"}], volumeMounts: [{name: mine, mountPath: /mine}]}
  volumes: [{name: mine}]
`

func TestTheSummaryHasOneLineForEachAddition(t *testing.T) {
	t.Parallel()
	got := pod(t, `
metadata:
  annotations:
    mine: "1"
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    pillion.dev/status: '{"version":"v1","policy":"web","result":"Injected","reason":"Requested","helpers":[]}'
    other: value
spec:
  initContainers:
  - {name: migrate}
  - name: poller
    image: helper:v1
    restartPolicy: Always
    startupProbe: {exec: {command: [/helper, probe]}}
  - {name: once, image: "once:v1"}
  containers:
  - name: web
    env: [{name: MINE, value: "1"}, {name: HTTP_PROXY, value: "http://localhost:3128"}]
    volumeMounts:
    - {name: mine, mountPath: /mine}
    - {name: kube-api-access-x, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}
    - {name: content, mountPath: /html, readOnly: true}
    - {name: scratch, mountPath: /scratch}
  - {name: proxy, image: "proxy:v1"}
  volumes:
  - {name: mine}
  - {name: kube-api-access-x}
  - {name: content, emptyDir: {sizeLimit: 1Gi}}
  - {name: scratch, emptyDir: {}}
  - {name: settings, configMap: {name: web-settings}}
  - {name: key, secret: {secretName: web-key}}
`)
	var lines []string
	for _, a := range summary(pod(t, author), got) {
		lines = append(lines, a.String())
	}
	want := []string{
		"+ sidecar        poller                     image helper:v1",
		"+ startup probe  poller                     /helper probe",
		"+ init container once                       image once:v1",
		"+ volume         content                    emptyDir of 1Gi",
		"+ volume         scratch                    emptyDir",
		"+ volume         settings                   ConfigMap web-settings",
		"+ volume         key                        Secret web-key",
		"+ mount          in web                     /html, read-only",
		"+ mount          in web                     /scratch",
		"+ variable       in web                     HTTP_PROXY=http://localhost:3128",
		"+ container      proxy                      image proxy:v1",
		"+ annotation     other                      value",
		"+ annotation     pillion.dev/status         Injected, requested by policy web",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPodToWhichNothingWasAddedHasNoSummary(t *testing.T) {
	t.Parallel()
	if got := summary(pod(t, author), pod(t, author)); len(got) > 0 {
		t.Errorf("the summary is %v", got)
	}
}

func TestALongAdditionIsCut(t *testing.T) {
	t.Parallel()
	line := addition{"annotation", "long", strings.Repeat("ü", 2*width)}.String()
	if n := len([]rune(line)); n != width || !strings.HasSuffix(line, "…") {
		t.Errorf("%d characters, want %d that end with an ellipsis: %s", n, width, line)
	}
}

func TestPathsOfAContainerAreDirectoriesHere(t *testing.T) {
	t.Parallel()
	c := corev1.Container{
		Command: []string{"/bin/helper"},
		Args:    []string{"poll", "--root=/content/a", "--other=/contents", "/content", "--url=http://host/content", "--none"},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"},
			{Name: "shared", MountPath: "/content"},
		},
	}
	got, err := volumes{}.command(c)
	want := []string{"helper", "poll", "--root=volumes/shared/a", "--other=/contents", "volumes/shared", "--url=http://host/content", "--none"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if got := (volumes{}).of(c, "/content"); got != "volumes/shared" {
		t.Errorf("the mount is %q", got)
	}

	c.Env = []corev1.EnvVar{{Name: "TOKEN"}}
	if _, err := (volumes{}).command(c); err == nil || !strings.Contains(err.Error(), "needs variables") {
		t.Errorf("error %v, want one about variables, which are not set", err)
	}
}
