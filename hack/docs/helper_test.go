// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

// definition says all that a definition can say, but what excludes something else.
const definition = `apiVersion: pillion.dev/v1alpha1
kind: Helper
metadata: {name: every}
spec:
  description: Says all that one can say.
  single: true
  position: {option: position}
  wait: {option: wait}
  privileges: [token, writable-root, capability:NET_BIND_SERVICE]
  run: Sidecar
  options:
  - {name: mount-path, type: absolute path, required: true, example: /srv, description: A path.}
  - {name: tags, type: list, of: string, pattern: "[a-z]+", maxLength: 8, maxItems: 4, example: "a,b", description: A list.}
  - {name: level, type: choice, choices: [info, debug, 0], default: info, example: debug, description: A choice.}
  - {name: flush, type: duration, default: 5s, min: 1s, max: 5m, example: 10s, description: A time.}
  - {name: port, type: port, default: 2021, example: 2022, description: A port.}
  - {name: secret, type: object name, example: my-secret, description: A Secret.}
  - {name: position, type: choice, choices: [first, last], default: last, example: first, description: A place.}
  - {name: wait, type: boolean, default: true, example: false, description: Whether to wait.}
  volumes:
  - {name: logs, emptyDir: {medium: Memory, sizeLimit: 1Gi}, app: {mountPath: {option: mount-path}, readOnly: true}}
  - {name: conf, configMap: {name: every, keys: [a.conf]}}
  - {name: keys, secret: {name: {option: secret}}}
  container:
    image: registry.example/every:v1
    command: [/every]
    args: [--path=/logs, 5, true, {prefix: --flush=, option: flush}, {option: tags}]
    env: [{name: A, value: 1}, {name: B, prefix: x-, option: level}, {name: C, fieldRef: metadata.name}]
    mounts: [{volume: logs, path: /logs}, {volume: conf, path: /conf, readOnly: true}, {volume: keys, path: /keys, readOnly: true}]
    ports: [{name: http, port: {option: port}}, {name: dns, port: 5353, protocol: UDP}]
    startupProbe: {httpGet: {path: /ready, port: http}, initialDelaySeconds: 0, periodSeconds: 2, timeoutSeconds: 3, failureThreshold: 4}
    readinessProbe: {tcpSocket: {port: {option: port}}}
    livenessProbe: {exec: {command: [/every, live]}}
    preStop: {sleep: {seconds: 5}}
    gracePeriodSeconds: 20
    terminationMessagePolicy: File
    runAsUser: 1000
    resources: {requests: {cpu: 0.01, memory: 32Mi}, limits: {cpu: 1, memory: 128Mi}}
  appEnv: [{name: LOG_DIR, option: mount-path}, {name: LOG_KIND, value: every}]
`

func generatedForHelpers(t *testing.T) map[string]any {
	t.Helper()
	text, err := helperSchema(root)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := decoded(t, text).(map[string]any)
	return s
}

// faults are what the schema finds in a definition.
func faults(t *testing.T, text string) []string {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return mistakes(t, generatedForHelpers(t), decoded(t, asJSON), "")
}

func TestTheSchemaOfHelpersTakesWhatTheWebhookTakes(t *testing.T) {
	t.Parallel()
	files := map[string]string{"every field": definition}
	for _, pattern := range []string{"internal/admission/testdata/*/helper.yaml", "examples/helpers/policies/helper-*.yaml"} {
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
		if _, err := defined.Parse([]byte(text)); err != nil {
			t.Errorf("%s is no helper: %v", name, err)
		}
		if got := faults(t, text); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheSchemaOfHelpersFindsMistakes(t *testing.T) {
	t.Parallel()
	const c = ".spec.container."
	for name, tt := range map[string]struct{ old, new, want string }{
		"a misspelled field":               {"  single:", "  singel:", ".spec.singel: unknown"},
		"a misspelled field of a probe":    {"periodSeconds", "periodSecond", c + "startupProbe.periodSecond: unknown"},
		"another version":                  {"v1alpha1", "v1", ".apiVersion: const"},
		"another kind":                     {"kind: Helper", "kind: Sidecar", ".kind: const"},
		"no name":                          {"{name: every}\nspec", "{}\nspec", ".metadata.name: required"},
		"a name that no label can have":    {"{name: every}\nspec", "{name: Every}\nspec", ".metadata.name: pattern"},
		"no description":                   {"  description: Says all that one can say.\n", "", ".spec.description: required"},
		"a way to run that there is not":   {"run: Sidecar", "run: sidecar", ".spec.run: enum"},
		"a type that there is not":         {"type: duration", "type: time", ".spec.options[3].type: enum"},
		"a list for a default":             {"default: 5s", "default: [5s]", ".spec.options[3].default: type"},
		"no example":                       {"example: 10s, ", "", ".spec.options[3].example: required"},
		"a privilege beyond baseline":      {"capability:NET_BIND_SERVICE", "capability:SYS_ADMIN", ".spec.privileges[2]: enum"},
		"no image":                         {"    image: registry.example/every:v1\n", "", c + "image: required"},
		"no limits":                        {", limits: {cpu: 1, memory: 128Mi}", "", c + "resources.limits: required"},
		"a limit of the disk":              {"limits: {cpu: 1,", "limits: {ephemeral-storage: 1Gi, cpu: 1,", c + "resources.limits.ephemeral-storage: unknown"},
		"no limit of memory":               {"limits: {cpu: 1, memory: 128Mi}", "limits: {cpu: 1}", c + "resources.limits.memory: required"},
		"an argument of a list":            {"{option: tags}]", "[a]]", c + "args[4]: anyOf"},
		"an argument without its option":   {"{option: tags}]", "{prefix: a}]", c + "args[4]: anyOf"},
		"a field of the pod that is none":  {"fieldRef: metadata.name", "fieldRef: spec.hostIPs", c + "env[2].fieldRef: enum"},
		"a protocol that is none":          {"protocol: UDP", "protocol: SCTP", c + "ports[1].protocol: enum"},
		"a time below zero":                {"initialDelaySeconds: 0", "initialDelaySeconds: -1", c + "startupProbe.initialDelaySeconds: minimum"},
		"a sleep of a day":                 {"seconds: 5", "seconds: 86400", c + "preStop.sleep.seconds: maximum"},
		"a medium that is none":            {"medium: Memory", "medium: memory", ".spec.volumes[0].emptyDir.medium: enum"},
		"a volume without a limit":         {", sizeLimit: 1Gi}", "}", ".spec.volumes[0].emptyDir.sizeLimit: required"},
		"a string for a number":            {"runAsUser: 1000", "runAsUser: nobody", c + "runAsUser: type"},
		"root by its number":               {"runAsUser: 1000", "runAsUser: -1", c + "runAsUser: minimum"},
		"a policy of messages of no kind":  {"terminationMessagePolicy: File", "terminationMessagePolicy: Logs", c + "terminationMessagePolicy: enum"},
		"a variable without a name":        {"{name: LOG_KIND, value: every}", "{value: every}", ".spec.appEnv[1].name: required"},
		"a string for true":                {"single: true", "single: yes please", ".spec.single: type"},
		"a mount without a path":           {"{volume: logs, path: /logs}", "{volume: logs}", c + "mounts[0].path: required"},
		"a volume without a name":          {"{name: keys, secret", "{secret", ".spec.volumes[2].name: required"},
		"a path of the app without a path": {"app: {mountPath: {option: mount-path}, readOnly: true}", "app: {readOnly: true}", ".spec.volumes[0].app.mountPath: required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(definition, tt.old) {
				t.Fatalf("there is no %q", tt.old)
			}
			text := strings.Replace(definition, tt.old, tt.new, 1)
			if _, err := defined.Parse([]byte(text)); err == nil {
				t.Error("the webhook takes it")
			}
			if got := faults(t, text); !slices.Contains(got, tt.want) {
				t.Errorf("got %q, want %q among them", got, tt.want)
			}
		})
	}
}

func TestTheSchemaOfHelpersNamesEveryFieldAndThePageToo(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	properties(generatedForHelpers(t), names)
	docs, err := helperDocs(root)
	if err != nil {
		t.Fatal(err)
	}
	page := helperPage(docs)
	for line := range strings.Lines(page) {
		if strings.HasSuffix(line, " |  |\n") || strings.HasSuffix(line, "**Required.**  |\n") {
			t.Errorf("a field has no comment: %s", line)
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[defined.Spec](), reflect.TypeFor[defined.Option](), reflect.TypeFor[defined.Volume](), reflect.TypeFor[defined.EmptyDir](), reflect.TypeFor[defined.Object](),
		reflect.TypeFor[defined.App](), reflect.TypeFor[defined.Container](), reflect.TypeFor[defined.Env](), reflect.TypeFor[defined.AppEnv](), reflect.TypeFor[defined.Mount](),
		reflect.TypeFor[defined.Port](), reflect.TypeFor[defined.Probe](), reflect.TypeFor[defined.HTTPGet](), reflect.TypeFor[defined.TCPSocket](), reflect.TypeFor[defined.Exec](),
		reflect.TypeFor[defined.PreStop](), reflect.TypeFor[defined.Sleep](), reflect.TypeFor[defined.Resources](),
	} {
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !names[name] {
				t.Errorf("%s.%s is not in the schema", typ.Name(), name)
			}
			if !strings.Contains(definition, name+":") {
				t.Errorf("%s.%s is not in the definition that has all fields", typ.Name(), name)
			}
			if !strings.Contains(page, "| `"+name+"` |") {
				t.Errorf("%s.%s is not on the page", typ.Name(), name)
			}
		}
	}
}

func TestTheReferenceOfHelpersIsGenerated(t *testing.T) {
	t.Parallel()
	schema, err := helperSchema(root)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := helperDocs(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"helper.schema.json": string(schema), "helper.md": helperHeader + helperPage(docs)} {
		got, err := os.ReadFile(filepath.Join(root, "docs/reference", name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: run make generate (-want +got):\n%s", name, diff)
		}
	}
}
