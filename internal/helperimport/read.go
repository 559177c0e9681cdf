// SPDX-License-Identifier: Apache-2.0

package helperimport

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Template is what a file has of containers and what belongs to them.
type Template struct {
	Name           string             `json:"name"` // of tumblr's configurations
	Containers     []corev1.Container `json:"containers"`
	InitContainers []corev1.Container `json:"initContainers"`
	Volumes        []corev1.Volume    `json:"volumes"`

	// Env is for all containers, those of the app as well (tumblr).
	Env []corev1.EnvVar `json:"env"`
	// EnvironmentVariables are set by annotations (ricoberger).
	EnvironmentVariables []Variable `json:"environmentVariables"`

	notes []string
}

// Variable is a variable of a container that an annotation sets.
type Variable struct {
	Name       string `json:"name"`
	Container  string `json:"container"` // "" for all
	Annotation string `json:"annotation"`
}

// Read reads a file of one document.
func Read(data []byte) (*Template, error) {
	var document map[string]any
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	parts, whole := templates(document)
	if len(parts) == 0 {
		return nil, errors.New("has no container: it must be a container, a pod or workload, a SidecarSet, or a configuration (or the ConfigMap of one) with containers")
	}
	t := &Template{}
	for _, part := range parts {
		if whole { // a pod's other fields are not the container's
			part = only(part, "containers", "initContainers", "volumes")
		}
		raw, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		one := Template{}
		strict, err := kjson.UnmarshalStrict(raw, &one)
		if err != nil {
			return nil, fmt.Errorf("is not what it seems to be: %w", err)
		}
		for _, unknown := range strict {
			one.notes = append(one.notes, strings.TrimPrefix(unknown.Error(), "unknown field ")+" is not a field of a container, and is left out")
		}
		t.Name = one.Name
		t.Containers, t.InitContainers = append(t.Containers, one.Containers...), append(t.InitContainers, one.InitContainers...)
		t.Volumes, t.Env = append(t.Volumes, one.Volumes...), append(t.Env, one.Env...)
		t.EnvironmentVariables, t.notes = append(t.EnvironmentVariables, one.EnvironmentVariables...), append(t.notes, one.notes...)
	}
	if len(t.Names()) == 0 {
		return nil, errors.New("has no container")
	}
	return t, nil
}

// templates finds what has containers in a document. whole tells that it is the spec of a pod.
func templates(document map[string]any) (parts []map[string]any, whole bool) {
	at := func(path ...string) map[string]any {
		m := document
		for _, name := range path {
			m, _ = m[name].(map[string]any)
		}
		return m
	}
	has := func(m map[string]any) bool { return m["containers"] != nil || m["initContainers"] != nil }
	inside := func(text any) {
		var config map[string]any
		if s, ok := text.(string); ok && yaml.Unmarshal([]byte(s), &config) == nil && has(config) {
			parts = append(parts, config)
		}
	}
	switch data := at("data"); {
	case document["kind"] == "ConfigMap":
		for _, key := range slices.Sorted(maps.Keys(data)) {
			inside(data[key])
		}
		return parts, false
	case document["kind"] == "SidecarSet":
		return []map[string]any{only(at("spec"), "containers", "initContainers", "volumes")}, false
	case has(document):
		return []map[string]any{document}, false
	case document["image"] != nil && document["kind"] == nil:
		return []map[string]any{{"containers": []any{document}}}, false
	}
	inside(document["config"]) // the values of a chart
	for _, path := range [][]string{{"spec"}, {"template", "spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}} {
		if m := at(path...); has(m) {
			return []map[string]any{m}, true
		}
	}
	return parts, false
}

// only is a mapping with these keys alone.
func only(m map[string]any, keys ...string) map[string]any {
	less := map[string]any{}
	for _, key := range keys {
		if value, found := m[key]; found {
			less[key] = value
		}
	}
	return less
}

// Names are the names of the containers.
func (t *Template) Names() []string {
	var names []string
	for _, list := range [][]corev1.Container{t.InitContainers, t.Containers} {
		for i := range list {
			names = append(names, list[i].Name)
		}
	}
	return names
}

// find finds a container; initial reports whether it ends before the app starts.
func (t *Template) find(name string) (c *corev1.Container, initial bool) {
	for i := range t.InitContainers {
		if c := &t.InitContainers[i]; c.Name == name {
			return c, c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways
		}
	}
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return &t.Containers[i], false
		}
	}
	return nil, false
}
