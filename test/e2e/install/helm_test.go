// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	release   = "pillion"
	namespace = "pillion-system"
)

// values are those of charts/pillion.
type values map[string]any

// with is a copy with more, or other, top-level values.
func (v values) with(more values) values {
	all := values{}
	for _, m := range []values{v, more} {
		maps.Copy(all, m)
	}
	return all
}

// A helm is one version of it, with a home of its own.
type helm struct {
	*testing.T
	program string
	home    string

	serverSide bool // it applies on the server, as Helm 4 does
}

func newHelm(t *testing.T, dir string) helm {
	t.Helper()
	return helm{t, filepath.Join(dir, "helm"), t.TempDir(), dir == suite.helm4}
}

// try runs helm in the release's namespace.
func (h helm) try(ctx context.Context, args ...string) (string, error) {
	return h.tryIn(ctx, namespace, args...)
}

func (h helm) tryIn(ctx context.Context, namespace string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, h.program, append(args, "--namespace", namespace)...)
	cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+h.home, "HELM_CACHE_HOME="+h.home, "HELM_DATA_HOME="+h.home)
	return execute(cmd)
}

func (h helm) must(args ...string) string {
	h.Helper()
	out, err := h.try(h.Context(), args...)
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// file writes values where helm can read them.
func (h helm) file(v values) string {
	h.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		h.Fatal(err)
	}
	f, err := os.CreateTemp(h.home, "values-*.yaml")
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		h.Fatal(err)
	}
	return f.Name()
}

// chart is the folder of what is installed.
const chart = "../../../charts/pillion"

// install installs the chart, and sees to its end.
func (h helm) install(v values, flags ...string) {
	h.Helper()
	h.Cleanup(func() { h.uninstall(context.Background()) })
	h.must(append([]string{"install", release, chart, "--values", h.file(v), "--timeout", "8m"}, flags...)...)
}

func (h helm) upgrade(v values, flags ...string) error {
	_, err := h.try(h.Context(), append([]string{"upgrade", release, chart, "--values", h.file(v), "--timeout", "8m"}, flags...)...)
	return err
}

// uninstall removes the release if it is there.
func (h helm) uninstall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if _, err := h.try(ctx, "uninstall", release, "--ignore-not-found"); err != nil {
		h.Error(err)
	}
	// Replicas that nobody calls any more need not drain.
	if _, err := kubectl(ctx, "delete", "pods", "--all", "-n", namespace, "--grace-period=0", "--force"); err != nil {
		h.Error(err)
	}
}
