// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
)

// Change is one thing that a patch does to a pod, in words. What has no words of its
// own is told by its field and value, so that no addition can be missed.
type Change struct {
	What   string `json:"what"` // "sidecar", "volume", "mount", …
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
}

// Changes reads a JSON patch of package admission. at is where the pod lies in the
// patched document.
func Changes(patch []byte, at admission.Template, pod *inject.Pod) ([]Change, error) {
	if len(patch) == 0 {
		return nil, nil
	}
	var ops []admission.Operation
	if err := json.Unmarshal(patch, &ops); err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	var all []Change
	root := pointerOf(at)
	for i := range ops {
		tokens := strings.Split(strings.TrimPrefix(ops[i].Path, root+"/"), "/")
		for j := range tokens {
			tokens[j] = strings.NewReplacer("~1", "/", "~0", "~").Replace(tokens[j])
		}
		all = append(all, change(&ops[i], tokens, pod)...)
	}
	slices.SortStableFunc(all, func(a, b Change) int { return rank(a.What) - rank(b.What) })
	return all, nil
}

// rank orders changes as a person wants to read them, the containers first.
func rank(what string) int {
	return slices.Index([]string{sidecar, initContainer, "volume", "mount", "field", "pull secret", "annotation"}, what)
}

const (
	sidecar       = "sidecar"
	initContainer = "init container"
)

// pointerOf is the JSON pointer of a pod in its document.
func pointerOf(at admission.Template) string {
	path := at.Path().String()
	if at.Path() == nil {
		return ""
	}
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
}

func change(op *admission.Operation, tokens []string, pod *inject.Pod) []Change {
	field := strings.Join(tokens, "/")
	switch {
	case strings.HasPrefix(field, "spec/initContainers") && len(tokens) <= 3:
		return each(op, tokens, 2, container)
	case strings.HasPrefix(field, "spec/volumes") && len(tokens) <= 3:
		return each(op, tokens, 2, volume)
	case strings.HasPrefix(field, "spec/imagePullSecrets") && len(tokens) <= 3:
		return each(op, tokens, 2, pullSecret)
	case len(tokens) >= 4 && tokens[3] == "volumeMounts":
		return each(op, tokens, 4, func(m *corev1.VolumeMount) Change {
			return Change{"mount", m.MountPath, "of volume " + m.Name + " in container " + containerName(tokens, pod) + readOnly(m.ReadOnly)}
		})
	case strings.HasPrefix(field, "metadata/annotations"):
		return annotations(op, tokens)
	}
	if len(tokens) > 3 && strings.HasSuffix(strings.ToLower(tokens[1]), "containers") {
		return []Change{{"field", strings.Join(tokens[3:], "."), "in container " + containerName(tokens, pod) + ": " + shorten(string(op.Value))}}
	}
	return []Change{{"field", strings.Join(tokens, "."), shorten(string(op.Value))}}
}

// each reads one value, or a list of them where the patch makes the list itself: depth
// is the number of tokens of such a list's own path.
func each[T any](op *admission.Operation, tokens []string, depth int, describe func(*T) Change) []Change {
	var items []T
	if len(tokens) > depth {
		items = make([]T, 1)
		if json.Unmarshal(op.Value, &items[0]) != nil {
			return nil
		}
	} else if json.Unmarshal(op.Value, &items) != nil {
		return nil
	}
	var all []Change
	for i := range items {
		c := describe(&items[i])
		if op.Op == "replace" {
			c.Detail += ", renewed: what bears the name today is not what the policy says"
		}
		all = append(all, c)
	}
	return all
}

func container(c *corev1.Container) Change {
	what := initContainer
	detail := c.Image + ", ends before the app starts"
	if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
		what, detail = sidecar, c.Image+", runs beside the app"
		if c.StartupProbe != nil {
			detail += ", which starts once it is ready"
		}
	}
	return Change{what, c.Name, detail}
}

func volume(v *corev1.Volume) Change {
	switch {
	case v.EmptyDir != nil && v.EmptyDir.SizeLimit != nil:
		return Change{"volume", v.Name, strings.TrimSpace("emptyDir "+string(v.EmptyDir.Medium)) + " of at most " + v.EmptyDir.SizeLimit.String()}
	case v.EmptyDir != nil:
		return Change{"volume", v.Name, strings.TrimSpace("emptyDir " + string(v.EmptyDir.Medium))}
	case v.Secret != nil:
		return Change{"volume", v.Name, "Secret " + v.Secret.SecretName}
	case v.ConfigMap != nil:
		return Change{"volume", v.Name, "ConfigMap " + v.ConfigMap.Name}
	}
	return Change{"volume", v.Name, ""}
}

func pullSecret(s *corev1.LocalObjectReference) Change {
	return Change{"pull secret", s.Name, ""}
}

func annotations(op *admission.Operation, tokens []string) []Change {
	values := map[string]string{}
	if len(tokens) > 2 {
		var value string
		_ = json.Unmarshal(op.Value, &value) // the patch is ours: an annotation is a text
		values[tokens[2]] = value
	} else if json.Unmarshal(op.Value, &values) != nil {
		return nil
	}
	var all []Change
	for _, key := range slices.Sorted(maps.Keys(values)) {
		c := Change{What: "annotation", Name: key}
		if key != inject.StatusAnnotation { // a long one, and told in other words
			c.Detail = shorten(values[key])
		}
		all = append(all, c)
	}
	return all
}

func readOnly(yes bool) string {
	if yes {
		return ", read-only"
	}
	return ""
}

// containerName is the name of the container whose index a pointer names.
func containerName(tokens []string, pod *inject.Pod) string {
	list := pod.Spec.Containers
	if tokens[1] == "initContainers" {
		list = pod.Spec.InitContainers
	}
	if i, err := strconv.Atoi(tokens[2]); err == nil && i < len(list) {
		return list[i].Name
	}
	return tokens[2]
}

// shorten cuts what does not fit in a line.
func shorten(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
