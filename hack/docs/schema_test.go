// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/policy"
)

const root = "../.."

// every is a policy that says all that one can say.
const every = `apiVersion: pillion.dev/v1alpha1
kind: InjectionPolicy
metadata: {name: every}
spec:
  enforcement: Warn
  hostNetwork: Allow
  runtimeClasses: {gvisor: [sandboxed], deny: [kata]}
  limits: {helpersPerPod: 4, sharedMemory: 1Gi, volumeSize: 10Gi}
  image: registry.example/pillion-helper:v1
  pullPolicy: Always
  imagePullSecrets: [mirror]
  runAsUser: FromNamespace
  runAsGroup: 3000
  require:
    - {helper: date-writer, instance: up, options: {mount-path: /up, max-size: 65536, wait: false}}
  inject:
    - helper: ipc
      options: {shm: 128Mi}
  helpers:
    date-writer:
    git-poller:
      engine: pillion
      image: registry.example/pillion-helper:v2
      proxy: {url: "http://proxy.example:3128", noProxy: [.svc], ssh: true, secret: proxy-login}
      extraCAs: {configMap: acme-cas}
      githubAPI: https://github.example/api/v3
      secrets: [{name: "git-*", repo: ["https://git.example/*"]}]
      pullPolicy: Never
      imagePullSecrets: [other]
      runAsUser: 1000
      runAsGroup: "1000"
      volumeSizeLimit: 1Gi
      resources:
        requests: {cpu: 0.01, memory: 32Mi}
        limits: {cpu: 1, memory: 256Mi}
        cpu: {default: 1, min: 0.5, max: 2}
        memory: {max: 1Gi}
      options:
        repo: {allow: ["https://github.com/acme/*"]}
        period: {default: 1m, min: 30s, max: 5m}
        depth: {fixed: 1}
        wait: {default: false}
    ipc: {}
    start: {}
`

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func generated(t *testing.T) map[string]any {
	t.Helper()
	text, err := policySchema(root)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := decoded(t, text).(map[string]any)
	return s
}

// mistakes of a document, by the words of JSON schema that ours uses.
func mistakes(t *testing.T, s map[string]any, v any, at string) (all []string) {
	t.Helper()
	wrong := func(keyword string) { all = append(all, at+": "+keyword) }
	properties, _ := s["properties"].(map[string]any)
	for keyword, want := range s {
		switch keyword {
		case "$schema", "title", "description", "properties", "default", "examples", "then", "definitions":
		case "patternProperties", "propertyNames", "not", "allOf", "if", "$ref":
			all = append(all, more(t, s, keyword, v, at)...)
		case "type":
			if !slices.ContainsFunc(list(want), func(name any) bool { return isA(v, name) }) {
				wrong(keyword)
			}
		case "const":
			if v != want {
				wrong(keyword)
			}
		case "enum":
			if !slices.Contains(list(want), v) {
				wrong(keyword)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
				wrong(keyword)
			}
		case "minimum", "maximum":
			if n, ok := v.(float64); ok && (keyword == "minimum") == (n < want.(float64)) && n != want.(float64) {
				wrong(keyword)
			}
		case "minItems":
			if items, ok := v.([]any); ok && float64(len(items)) < want.(float64) {
				wrong(keyword)
			}
		case "anyOf":
			if !slices.ContainsFunc(list(want), func(one any) bool { return len(mistakes(t, one.(map[string]any), v, at)) == 0 }) {
				wrong(keyword)
			}
		case "items":
			if items, ok := v.([]any); ok {
				for i, item := range items {
					all = append(all, mistakes(t, want.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))...)
				}
			}
		case "required", "additionalProperties":
			if object, ok := v.(map[string]any); ok {
				all = append(all, ofObject(t, keyword, want, s, object, at)...)
			}
		default:
			t.Fatalf("the schema uses %s, which the test does not know", keyword)
		}
	}
	if object, ok := v.(map[string]any); ok {
		for name, value := range object {
			if one, known := properties[name].(map[string]any); known {
				all = append(all, mistakes(t, one, value, at+"."+name)...)
			}
		}
	}
	slices.Sort(all)
	return all
}

func ofObject(t *testing.T, keyword string, want any, schema, object map[string]any, at string) (all []string) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	if keyword == "required" {
		for _, name := range list(want) {
			if _, has := object[name.(string)]; !has {
				all = append(all, at+"."+name.(string)+": required")
			}
		}
		return all
	}
	for name, value := range object {
		if _, known := properties[name]; known || matchesAny(schema["patternProperties"], name) {
			continue
		}
		if one, ok := want.(map[string]any); ok {
			all = append(all, mistakes(t, one, value, at+"."+name)...)
		} else if want == false {
			all = append(all, at+"."+name+": unknown")
		}
	}
	return all
}

func list(v any) []any {
	if items, ok := v.([]any); ok {
		return items
	}
	return []any{v}
}

func isA(v, name any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}

func TestTheSchemaTakesWhatTheWebhookTakes(t *testing.T) {
	t.Parallel()
	s := generated(t)
	files := map[string]string{"every field": every}
	for _, pattern := range []string{"examples/policies/policies/*.yaml", "examples/helpers/policies/default.yaml", "internal/admission/testdata/*/policy.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			files[file] = string(text)
		}
	}
	for name, text := range files {
		_, err := policy.Parse([]byte(text))
		if name != "every field" {
			_, err = policy.LoadFile(name) // with the helpers that are defined beside it
		}
		if err != nil {
			t.Fatalf("%s is no policy: %v", name, err)
		}
		asJSON, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := mistakes(t, s, decoded(t, asJSON), ""); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheSchemaFindsMistakes(t *testing.T) {
	t.Parallel()
	s := generated(t)
	for name, c := range map[string]struct{ old, new, want string }{
		"a misspelled field":                      {"hostNetwork:", "hostNetwrk:", ".spec.hostNetwrk: unknown"},
		"a misspelled field of a helper":          {"volumeSizeLimit:", "volumeLimit:", ".spec.helpers.git-poller.volumeLimit: unknown"},
		"an option that there is not":             {"depth:", "dept:", ".spec.helpers.git-poller.options.dept: unknown"},
		"a bound of what has no order":            {"{default: false}", "{min: 5}", ".spec.helpers.git-poller.options.wait.min: unknown"},
		"a rule that there is not":                {"{fixed: 1}", "{fix: 1}", ".spec.helpers.git-poller.options.depth.fix: unknown"},
		"another version":                         {"v1alpha1", "v1", ".apiVersion: const"},
		"no name":                                 {"{name: every}", "{}", ".metadata.name: required"},
		"an enforcement of none":                  {"Warn", "warn", ".spec.enforcement: enum"},
		"root":                                    {"runAsUser: 1000", "runAsUser: 0", ".spec.helpers.git-poller.runAsUser: anyOf"},
		"root in quotes":                          {`"1000"`, `"0"`, ".spec.helpers.git-poller.runAsGroup: anyOf"},
		"a user of a name":                        {"FromNamespace", "nobody", ".spec.runAsUser: anyOf"},
		"no helpers in a pod":                     {"helpersPerPod: 4", "helpersPerPod: 0", ".spec.limits.helpersPerPod: minimum"},
		"a text for a number":                     {"helpersPerPod: 4", "helpersPerPod: four", ".spec.limits.helpersPerPod: type"},
		"a text for a list":                       {"[kata]", "kata", ".spec.runtimeClasses.deny: type"},
		"an empty list of what is allowed":        {`["https://github.com/acme/*"]`, "[]", ".spec.helpers.git-poller.options.repo.allow: minItems"},
		"a resource of the disk":                  {"limits: {cpu: 1,", "limits: {ephemeral-storage: 1Gi, cpu: 1,", ".spec.helpers.git-poller.resources.limits.ephemeral-storage: unknown"},
		"bounds without a most":                   {"memory: {max: 1Gi}", "memory: {min: 1Mi}", ".spec.helpers.git-poller.resources.memory.max: required"},
		"resources that say nothing":              {"    ipc: {}", "    ipc: {resources: {}}", ".spec.helpers.ipc.resources: anyOf"},
		"a name that no helper can have":          {"{helper: date-writer,", "{helper: date_writer,", ".spec.require[0].helper: anyOf"},
		"an addition of nothing":                  {"helper: ipc", "instance: ipc", ".spec.inject[0].helper: required"},
		"a list for a value":                      {"{shm: 128Mi}", "{shm: [128Mi]}", ".spec.inject[0].options.shm: type"},
		"a volume that follows from options":      {"    ipc: {}", "    ipc: {volumeSizeLimit: 1Gi}", ".spec.helpers.ipc.volumeSizeLimit: unknown"},
		"a time without a unit":                   {"min: 30s", "min: 30", ".spec.helpers.git-poller.options.period.min: type"},
		"an engine of none":                       {"engine: pillion", "engine: gitsync", ".spec.helpers.git-poller.engine: enum"},
		"a proxy without a URL":                   {`url: "http://proxy.example:3128", `, "", ".spec.helpers.git-poller.proxy.url: required"},
		"a password in a proxy's fields":          {"secret: proxy-login", "password: hunter2", ".spec.helpers.git-poller.proxy.password: unknown"},
		"a text for a boolean":                    {"ssh: true", "ssh: 'true'", ".spec.helpers.git-poller.proxy.ssh: type"},
		"authorities without a name":              {"extraCAs: {configMap: acme-cas}", "extraCAs: {}", ".spec.helpers.git-poller.extraCAs.configMap: required"},
		"a proxy of a helper that reaches nobody": {"    ipc: {}", "    ipc: {proxy: {url: 'http://a.example'}}", ".spec.helpers.ipc.proxy: unknown"},
		"an engine of another helper":             {"    ipc: {}", "    ipc: {engine: git-sync}", ".spec.helpers.ipc.engine: enum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(every, c.old) {
				t.Fatalf("there is no %q", c.old)
			}
			text := strings.Replace(every, c.old, c.new, 1)
			if _, err := policy.Parse([]byte(text)); err == nil {
				t.Error("the webhook takes it")
			}
			asJSON, err := yaml.YAMLToJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got := mistakes(t, s, decoded(t, asJSON), ""); !slices.Contains(got, c.want) {
				t.Errorf("got %q, want %q among them", got, c.want)
			}
		})
	}
}

// What is in the types is in the schema, and what is in the schema has been shown to load.
func TestTheSchemaNamesEveryField(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	properties(generated(t), names)
	for _, h := range helpers.Builtin().All() {
		for i := range h.Options {
			if !names[h.Options[i].Name] {
				t.Errorf("the option %s of %s is not in the schema", h.Options[i].Name, h.Name)
			}
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[policy.InjectionPolicy](), reflect.TypeFor[policy.Metadata](), reflect.TypeFor[policy.Spec](), reflect.TypeFor[policy.Limits](),
		reflect.TypeFor[policy.RuntimeClasses](), reflect.TypeFor[policy.Proxy](), reflect.TypeFor[policy.ExtraCAs](), reflect.TypeFor[policy.Helper](), reflect.TypeFor[policy.Bounds](), reflect.TypeFor[inject.AdditionSpec](), reflect.TypeFor[rule.Spec](), reflect.TypeFor[rule.SecretSpec](),
	} {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !names[name] {
				t.Errorf("%s.%s is not in the schema", typ.Name(), name)
			}
			if name != "privileges" && !strings.Contains(every, name+":") { // which no built-in helper needs
				t.Errorf("%s.%s is not in the policy that has all fields", typ.Name(), name)
			}
		}
	}
}

func properties(s map[string]any, names map[string]bool) {
	fields, _ := s["properties"].(map[string]any)
	for name, one := range fields {
		names[name] = true
		properties(one.(map[string]any), names)
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if one, ok := s[keyword].(map[string]any); ok {
			properties(one, names)
		}
	}
}

func TestTheReferenceIsGenerated(t *testing.T) {
	t.Parallel()
	want, err := policySchema(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs/reference/policy.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("run make generate (-want +got):\n%s", diff)
	}
	docs, err := policyDocs(root)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(policyPage(docs)) {
		if strings.HasSuffix(line, " |  |\n") {
			t.Errorf("a field has no comment: %s", line)
		}
	}
}
