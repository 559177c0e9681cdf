// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// volumes are the volumes of a pod as directories below dir/volumes. Paths of them are
// relative to dir, where all commands of the demo run.
type volumes struct{ dir string }

func (v volumes) path(volume string) string { return path.Join("volumes", volume) }

// make makes the directories.
func (v volumes) make(pod *corev1.Pod) error {
	for _, volume := range pod.Spec.Volumes {
		if err := os.MkdirAll(filepath.Join(v.dir, v.path(volume.Name)), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// of is the directory that a container sees at a path, or "".
func (v volumes) of(c corev1.Container, mountPath string) string {
	for _, m := range c.VolumeMounts {
		if m.MountPath == mountPath {
			return v.path(m.Name)
		}
	}
	return ""
}

// command is what a container runs, as a command of this machine.
func (v volumes) command(c corev1.Container) ([]string, error) {
	if len(c.Env) > 0 {
		return nil, fmt.Errorf("container %s needs variables, which the demo does not set: %v", c.Name, c.Env)
	}
	return v.paths(c, slices.Concat(c.Command, c.Args)), nil
}

// paths replaces the paths of a container's command: the program is found by its name, and
// what lies in a mount is found in the volume's directory.
func (v volumes) paths(c corev1.Container, command []string) []string {
	out := slices.Clone(command)
	out[0] = path.Base(out[0])
	for i := range out[1:] {
		flag, value, found := strings.Cut(out[i+1], "=")
		if !found {
			flag, value = "", out[i+1]
		} else {
			flag += "="
		}
		out[i+1] = flag + v.value(c, value)
	}
	return out
}

func (v volumes) value(c corev1.Container, value string) string {
	for _, m := range c.VolumeMounts {
		if rest, found := strings.CutPrefix(value, m.MountPath); found && (rest == "" || rest[0] == '/') {
			return v.path(m.Name) + rest
		}
	}
	return value
}
