// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

// more are the mistakes by the words of JSON schema that the annotations' schema uses besides.
func more(t *testing.T, s map[string]any, keyword string, v any, at string) (all []string) {
	t.Helper()
	schema := func(v any) map[string]any { m, _ := v.(map[string]any); return m }
	object, _ := v.(map[string]any)
	switch want := s[keyword]; keyword {
	case "patternProperties":
		for pattern, one := range schema(want) {
			for name, value := range object {
				if regexp.MustCompile(pattern).MatchString(name) {
					all = append(all, mistakes(t, schema(one), value, at+"."+name)...)
				}
			}
		}
	case "propertyNames":
		for name := range object {
			if len(mistakes(t, schema(want), name, at)) > 0 {
				all = append(all, at+"."+name+": "+keyword)
			}
		}
	case "not":
		if len(mistakes(t, schema(want), v, at)) == 0 {
			all = append(all, at+": "+keyword)
		}
	case "allOf":
		for _, one := range list(want) {
			all = append(all, mistakes(t, schema(one), v, at)...)
		}
	case "if":
		if len(mistakes(t, schema(want), v, at)) == 0 {
			all = append(all, mistakes(t, schema(s["then"]), v, at)...)
		}
	case "$ref":
		text, err := annotationsSchema()
		if err != nil || want != "#/definitions/annotations" {
			t.Fatal(want, err)
		}
		all = mistakes(t, schema(at2(decoded(t, text), "definitions", "annotations")), v, at)
	}
	return all
}

func at2(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func matchesAny(patterns any, name string) bool {
	all, _ := patterns.(map[string]any)
	for pattern := range all {
		if regexp.MustCompile(pattern).MatchString(name) {
			return true
		}
	}
	return false
}

func annotationMistakes(t *testing.T, object any) []string {
	t.Helper()
	text, err := annotationsSchema()
	if err != nil {
		t.Fatal(err)
	}
	s, _ := decoded(t, text).(map[string]any)
	return slices.Compact(mistakes(t, s, object, ""))
}

func podWith(annotations map[string]any) any {
	return map[string]any{"kind": "Pod", "metadata": map[string]any{"annotations": annotations}}
}

func TestTheSchemaHasEachOption(t *testing.T) {
	t.Parallel()
	text, err := annotationsSchema()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{inject.InjectAnnotation}
	for _, h := range helpers.Builtin().All() {
		for i := range h.Options {
			o := &h.Options[i]
			key := h.Key("", o.Name)
			want = append(want, key)
			s, _ := at2(decoded(t, text), "definitions", "annotations", "properties", key).(map[string]any)
			if description, _ := s["description"].(string); !strings.HasPrefix(description, o.Doc) || o.Default != s["default"] && o.Default != "" {
				t.Errorf("%s: %v", key, s)
			}
			for _, value := range append([]string{o.Example, o.Default, o.Min, o.Max}, o.Kind.Choices...) {
				if _, err := o.Parse(value); err != nil || value == "" {
					continue
				}
				keys := []string{key}
				if !h.Single {
					keys = append(keys, h.Key("docs", o.Name))
				}
				for _, key := range keys {
					if got := annotationMistakes(t, podWith(map[string]any{key: value})); len(got) > 0 {
						t.Errorf("the webhook takes %s: %q, and the schema does not: %q", key, value, got)
					}
				}
			}
		}
	}
	var got []string
	properties, _ := at2(decoded(t, text), "definitions", "annotations", "properties").(map[string]any)
	for key := range properties {
		got = append(got, key)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// Whatever a kind takes, the pattern for it takes: texts of all sorts, read by the kind itself.
func TestPatternsOfKindsAreNeverStricterThanTheWebhook(t *testing.T) {
	t.Parallel()
	texts := []string{"", "0", "1", "+1", "-1", "1.5", ".5", "1.", "5s", "1h30m", "1.5h", "+5s", "100ms", "1us", "1µs", "1μs", "1ns", "0s", "64Mi", "1Gi", "1G", "1k", "100m", "1e3", "1E3", "1e-3", "12E", "0.5Gi", "1Ki", "5n", "5u", "/", "/html", "/a/b", "8080", "65535", "1_000", "0x10", "007"}
	for _, h := range helpers.Builtin().All() {
		for i := range h.Options {
			o := &h.Options[i]
			pattern := kindPatterns[o.Kind.Name]
			if pattern == "" {
				continue
			}
			for _, text := range texts {
				if _, err := o.Kind.Read(text); err == nil && !regexp.MustCompile(pattern).MatchString(text) {
					t.Errorf("a %s may be %q, and %s does not match it", o.Kind.Name, text, pattern)
				}
			}
		}
	}
}

func TestTheSchemaFindsMistakesInAnnotations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"an option that there is not":               {"git-poller.pillion.dev/perod", "1m", "propertyNames"},
		"an option of another instance":             {"docs.git-poller.pillion.dev/perod", "1m", "propertyNames"},
		"no option":                                 {"git-poller.pillion.dev", "x", "propertyNames"},
		"an instance of what a pod has once":        {"a.start.pillion.dev/after", "x", "propertyNames"},
		"a boolean without quotes":                  {"git-poller.pillion.dev/wait", true, "type"},
		"a number without quotes":                   {"git-poller.pillion.dev/depth", 1.0, "type"},
		"a boolean that is none":                    {"git-poller.pillion.dev/wait", "yes", "enum"},
		"a word that is none of the choices":        {"docs.git-poller.pillion.dev/mode", "twice", "enum"},
		"a duration without a unit":                 {"git-poller.pillion.dev/period", "60", "pattern"},
		"a relative path":                           {"date-writer.pillion.dev/mount-path", "html", "pattern"},
		"a key of others":                           {"example.com/git-poller", "x", ""},
		"a helper of the platform":                  {"log-shipper.pillion.dev/mount-path", "/log", ""},
		"resources, where the policy has bounds":    {"git-poller.pillion.dev/cpu", "100m", ""},
		"a key that only ends as the domain does":   {"git-poller.xpillion.dev/perod", "x", ""},
		"an annotation of others that is no string": {"example.com/a", 1.0, "type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := annotationMistakes(t, podWith(map[string]any{c.key: c.value}))
			if c.want == "" && len(got) > 0 || c.want != "" && !slices.ContainsFunc(got, func(m string) bool { return strings.HasSuffix(m, ": "+c.want) }) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheSchemaFindsThePodOfEachKind(t *testing.T) {
	t.Parallel()
	for kind, path := range map[string]string{
		"Pod": "", "Deployment": "spec.template", "StatefulSet": "spec.template", "DaemonSet": "spec.template", "ReplicaSet": "spec.template",
		"ReplicationController": "spec.template", "Job": "spec.template", "CronJob": "spec.jobTemplate.spec.template", "PodTemplate": "template",
	} {
		var object any = map[string]any{"metadata": map[string]any{"annotations": map[string]any{"git-poller.pillion.dev/perod": "1m"}}}
		steps := strings.Split(path, ".")
		for i := len(steps) - 1; i >= 0 && path != ""; i-- {
			object = map[string]any{steps[i]: object}
		}
		object.(map[string]any)["kind"] = kind
		if got := annotationMistakes(t, object); len(got) != 1 {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

// All that the project shows to people, and all that its golden tests admit.
func TestTheSchemaTakesTheExamples(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for document := range bytes.SplitSeq(text, []byte("\n---")) {
			asJSON, err := yaml.YAMLToJSON(document)
			var object map[string]any
			if err != nil || json.Unmarshal(asJSON, &object) != nil {
				continue // a patch, or a file of another program
			}
			if bytes.Contains(document, []byte(".pillion.dev/")) {
				seen++
			}
			for _, mistake := range annotationMistakes(t, object) {
				err = fmt.Errorf("%s: %s", path, mistake)
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil || seen < 12 {
		t.Errorf("%d examples have annotations; %v", seen, err)
	}
}

func TestTheCommittedSchemaIsTheGeneratedOne(t *testing.T) {
	t.Parallel()
	want, err := annotationsSchema()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs/reference/annotations.schema.json"))
	if err != nil || !bytes.Equal(want, got) {
		t.Errorf("docs/reference/annotations.schema.json is not what make generate writes (%v)", err)
	}
}
