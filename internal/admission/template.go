// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Template is where a document holds its pod: nowhere deeper for a Pod, at
// spec.template for a Deployment.
type Template struct{ tokens []string }

// TemplateOf tells where an object of a kind of Kubernetes holds its pod template; ok is
// false if the kind has none, or is of somebody else: see [TemplatesIn].
func TemplateOf(kind string) (t Template, ok bool) {
	switch kind {
	case "Pod":
		return Template{}, true
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job":
		return Template{[]string{"spec", "template"}}, true
	case "CronJob":
		return Template{[]string{"spec", "jobTemplate", "spec", "template"}}, true
	case "PodTemplate":
		return Template{[]string{"template"}}, true
	}
	return Template{}, false
}

// Bounds of the search for templates, each far above what any kind has.
const (
	maxTemplates = 32
	maxDepth     = 12 // names and indexes that lead to a template
)

// TemplatesIn finds the pod templates of an object by their shape, whatever its kind: what
// lies below a name with "template" in it and has spec.containers, a list of containers. So do
// Argo Rollouts, Knative Services, JobSets, LeaderWorkerSets, the workloads of Kruise and
// others. At most 32 are found.
func TemplatesIn(object []byte) []Template {
	var at []Template
	for _, t := range templatesIn(object) {
		at = append(at, t.at)
	}
	return at
}

// templatesIn finds templates with their JSON, since to look for each of them again would take
// as long as to find all.
func templatesIn(object []byte) []podTemplate {
	f := finder{dec: jsonscan.New(object), object: object}
	defer f.dec.Release()
	_ = f.walk(nil) // what cannot be read on holds no further template
	return f.found
}

// finder looks for pod templates, value by value.
type finder struct {
	dec    *jsonscan.Decoder
	object []byte
	found  []podTemplate // without raw while the decoder stands inside of it
}

func (f *finder) walk(at []string) error {
	kind := f.dec.PeekKind()
	if len(at) > maxDepth || len(f.found) == maxTemplates || kind != '{' && kind != '[' {
		return jsonscan.Skip(f.dec)
	}
	if kind == '{' {
		start := f.dec.InputOffset()
		err := jsonscan.EachMember(f.dec, func(name []byte) error {
			if len(at) == 0 && (string(name) == "metadata" || string(name) == "status") {
				return jsonscan.Skip(f.dec)
			}
			return f.member(append(slices.Clip(at), string(name)))
		})
		for i := range f.found {
			if t := &f.found[i]; err == nil && t.raw == nil && len(t.at.tokens) == len(at) { // at this place, since others are closed
				t.raw = f.object[jsonscan.Start(f.object, start):f.dec.InputOffset()]
			}
		}
		return err
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; f.dec.PeekKind() != ']'; i++ {
		if err := f.walk(append(slices.Clip(at), fmt.Sprint(i))); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}

// member notes the template whose spec.containers this is, and goes on below everything else.
func (f *finder) member(at []string) error {
	n := len(at)
	if n < 3 || len(f.found) == maxTemplates || at[n-1] != "containers" || at[n-2] != "spec" || !namesTemplate(at[:n-2]) {
		return f.walk(at)
	}
	list, err := f.dec.ReadValue()
	if err == nil && areContainers(list) {
		f.found = append(f.found, podTemplate{at: Template{at[:n-2]}})
	}
	return err
}

// namesTemplate reports whether the last name on the way, indexes left aside, is that of a template.
func namesTemplate(at []string) bool {
	for _, token := range slices.Backward(at) {
		if strings.Trim(token, "0123456789") != "" {
			return strings.Contains(strings.ToLower(token), "template")
		}
	}
	return false
}

// areContainers reports whether a list is one of containers rather than of patterns of them, as
// policies about pods have it.
func areContainers(list jsontext.Value) bool {
	var containers []struct {
		Name  *string `json:"name"`
		Image *string `json:"image"`
	}
	if jsonv2.Unmarshal(list, &containers, jsonscan.AllowDuplicates) != nil || len(containers) == 0 {
		return false
	}
	for _, c := range containers {
		if c.Name == nil && c.Image == nil || c.Name != nil && len(validation.IsDNS1123Label(*c.Name)) > 0 {
			return false
		}
	}
	return true
}

// In is the same place in an object that lies deeper in its document, such as the
// item of a List at "items", "3".
func (t Template) In(tokens ...string) Template {
	return Template{append(slices.Clip(tokens), t.tokens...)}
}

// Path is the field path of the pod in its document; nil for a Pod.
func (t Template) Path() *field.Path { return jsonscan.FieldPath(t.tokens) }

// Tokens are the names and indexes that lead to the pod in its document.
func (t Template) Tokens() []string { return t.tokens }

// pointer is the JSON pointer of the pod in its document.
func (t Template) pointer() string { return jsonscan.Pointer(t.tokens...) }

// Find returns the JSON of the pod in a document.
func (t Template) Find(document []byte) ([]byte, error) {
	value := jsontext.Value(document)
	for i, token := range t.tokens {
		next, err := jsonscan.Child(value, token)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", jsonscan.FieldPath(t.tokens[:i+1]), jsonscan.WithoutValue(err))
		}
		value = next
	}
	return value, nil
}

// podTemplate is one of those that a workload has.
type podTemplate struct {
	at     Template
	raw    []byte
	pod    *pod.Pod
	labels map[string]string

	annotations map[string]string // all of them
}
