// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// What the webhook writes for the engine is what git-sync has flags for, as far as this
// stand-in has the same ones.
func TestEveryFlagThatTheWebhookWritesIsOneOfGitSync(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../internal/admission/testdata/git-sync-*/want.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden pods: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := yaml.Unmarshal(text, &pod); err != nil {
			t.Fatal(err)
		}
		for i := range pod.Spec.InitContainers {
			c := &pod.Spec.InitContainers[i]
			if !slices.Equal(c.Command, []string{"/git-sync"}) {
				continue
			}
			username := ""
			if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "GITSYNC_USERNAME" }) {
				username = "from the Secret"
			}
			o, err := parse(c.Args, username)
			if err != nil {
				t.Errorf("%s: %s: %v", file, c.Name, err)
				continue
			}
			if sidecar := c.RestartPolicy != nil; sidecar == o.once || sidecar == (o.failures >= 0) || sidecar == (o.firstFailures >= 0) {
				t.Errorf("%s: %s is a sidecar (%t), and ends after the first sync (%t) or some failures (%d, %d)", file, c.Name, sidecar, o.once, o.failures, o.firstFailures)
			}
		}
	}
}

func TestDefaultsAreThoseOfGitSync(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--repo=r", "--root=/a", "--link=/b"}, "")
	if err == nil { // it would fetch submodules
		t.Error("the stand-in does what it cannot do")
	}
	got, err := parse([]string{"--repo=r", "--root=/a", "--link=/b", "--submodules=off", "--git-gc=auto"}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := &options{
		repo: "r", root: "/a", link: "/b", submodules: "off", gc: "auto", ref: "HEAD", depth: 1,
		period: 10 * time.Second, timeout: 2 * time.Minute, checkHosts: true,
		keyFile: "/etc/git-secret/ssh", hostsFile: "/etc/git-secret/known_hosts",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{})); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	for _, flag := range []string{"--exechook-command=x", "--seven"} {
		if _, err := parse([]string{"--repo=r", flag}, ""); err == nil {
			t.Errorf("%s is taken", flag)
		}
	}
}
