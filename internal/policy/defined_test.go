// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// shipper is a definition that says a bit of everything.
const shipper = `apiVersion: pillion.dev/v1alpha1
kind: Helper
metadata: {name: log-shipper}
spec:
  description: Ships what the app writes below a directory to the log store.
  options:
  - {name: mount-path, type: absolute path, required: true, example: /var/log/app, description: Where the app writes its logs.}
  - {name: stream, type: choice, choices: [app, audit], default: app, example: audit, description: Which stream of the store gets them.}
  - {name: flush, type: duration, default: 5s, min: 1s, max: 5m, example: 10s, description: How long a line may wait.}
  - {name: tag, type: list, of: string, pattern: "[a-z$()A-Z]+", example: "a,b", description: Tags of each line.}
  volumes:
  - {name: logs, emptyDir: {sizeLimit: 1Gi}, app: {mountPath: {option: mount-path}}}
  - {name: conf, configMap: {name: log-shipper}}
  run: Sidecar
  container:
    image: registry.acme.example/fluent-bit:4.0.3
    args: ["--path=/logs", {prefix: "--flush=", option: flush}, {prefix: "--tag=", option: tag}]
    env: [{name: STREAM, option: stream}, {name: POD, fieldRef: metadata.name}]
    mounts: [{volume: logs, path: /logs, readOnly: true}, {volume: conf, path: /etc/shipper, readOnly: true}]
    ports: [{name: metrics, port: 2021}]
    startupProbe: {httpGet: {path: /ready, port: 2021}}
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: 200m, memory: 128Mi}}
  appEnv: [{name: LOG_DIR, option: mount-path}]
`

// dateWriter is the built-in helper of that name as a platform would define it.
const dateWriter = `apiVersion: pillion.dev/v1alpha1
kind: Helper
metadata: {name: date-writer}
spec:
  description: Writes the date.
  options:
  - {name: mount-path, type: absolute path, required: true, example: /srv, description: The directory.}
  - {name: file, type: file name, default: index.html, example: date.txt, description: The file.}
  - {name: interval, type: duration, default: 1s, min: 100ms, max: 24h, example: 10s, description: The interval.}
  - {name: mode, type: choice, choices: [append, replace], default: append, example: replace, description: The mode.}
  - {name: format, type: choice, choices: [unix-date, rfc3339, rfc1123], default: unix-date, example: rfc3339, description: The format.}
  - {name: timezone, type: time zone, default: UTC, example: Europe/Berlin, description: The zone.}
  - {name: max-size, type: size, default: 1Mi, min: 4Ki, max: 1Gi, example: 64Ki, description: The size.}
  - {name: containers, type: container names, example: web, description: Who sees it.}
  - {name: wait, type: boolean, default: true, example: false, description: Whether the app waits.}
  volumes:
  - {name: content, emptyDir: {sizeLimit: 6Mi}, app: {mountPath: {option: mount-path}, readOnly: true}}
  run: Sidecar
  wait: {option: wait}
  container:
    image: ` + DefaultImage + `
    command: [/pillion-helper]
    args:
    - date-writer
    - {prefix: --file=/pillion/content/, option: file}
    - {prefix: --interval=, option: interval}
    - {prefix: --mode=, option: mode}
    - {prefix: --format=, option: format}
    - {prefix: --timezone=, option: timezone}
    - {prefix: --max-size=, option: max-size}
    mounts: [{volume: content, path: /pillion/content}]
    startupProbe:
      exec: {command: [/pillion-helper, probe, {prefix: --file=/pillion/content/, option: file}]}
      periodSeconds: 1
      timeoutSeconds: 5
      failureThreshold: 60
    resources: {requests: {cpu: 1m, memory: 8Mi}, limits: {cpu: 100m, memory: 32Mi}}
`

// load reads one definition and a policy that lists the helper.
func load(t *testing.T, definition, helper string) *inject.Policy {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "helper.yaml", definition)
	write(t, dir, "web.yaml", file("helpers:", "  "+helper+":"))
	all, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all["web"]
}

// patchOf is the patch of a pod with these annotations and no status.
func patchOf(t *testing.T, p *inject.Policy, raw string) string {
	t.Helper()
	of, err := pod.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	d := inject.Injector{}.Decide(of, p, nil)
	if len(d.Problems) > 0 {
		t.Fatal(d.Message())
	}
	d.Plan.Annotations = nil // the status has the policy's hash
	ops, err := plan.Patch(of, &d.Plan, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(plan.Marshal(ops))
}

func TestTheDateWriterAsADefinitionGivesTheSamePatch(t *testing.T) {
	t.Parallel()
	// A definition cannot take a built-in helper's name, so it has another, which is as long.
	other := load(t, strings.Replace(dateWriter, "{name: date-writer}", "{name: date-wroter}", 1), "date-wroter")
	for name, pairs := range map[string]string{
		"with what is required":      ``,
		"with every option":          `,"date-writer.pillion.dev/file":"$(A).txt","date-writer.pillion.dev/interval":"10s","date-writer.pillion.dev/mode":"replace","date-writer.pillion.dev/format":"rfc3339","date-writer.pillion.dev/timezone":"Europe/Berlin","date-writer.pillion.dev/containers":"web"`,
		"without waiting for it":     `,"date-writer.pillion.dev/wait":"false"`,
		"with a second one, \"b\"":   `,"b.date-writer.pillion.dev/mount-path":"/srv/b"`,
		"for one container of a few": `,"date-writer.pillion.dev/containers":"api"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := `{"metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/srv/a"` + pairs + `}},"spec":{"containers":[{"name":"web"},{"name":"api","volumeMounts":[]}]}}`
			want := patchOf(t, Builtin(), raw)
			got := patchOf(t, other, strings.ReplaceAll(raw, "date-writer.", "date-wroter."))
			got = strings.ReplaceAll(got, "pillion-date-wroter", "pillion-date-writer")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("patch (-built-in +defined):\n%s", diff)
			}
		})
	}
}

func TestADefinedHelperIsAHelperAsAnyOther(t *testing.T) {
	t.Parallel()
	p := load(t, shipper, "log-shipper")
	patch := patchOf(t, p, `{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app","log-shipper.pillion.dev/tag":"a,$(B)"}},"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}]}}`)
	for _, want := range []string{
		`{"op":"add","path":"/spec/containers/0/env/-","value":{"name":"LOG_DIR","value":"/var/log/app"}}`,
		`"args":["--path=/logs","--flush=5s","--tag=a","--tag=$$(B)"]`,
		`{"name":"STREAM","value":"app"}`, `"image":"registry.acme.example/fluent-bit:4.0.3"`, `"name":"pillion-conf-log-shipper"`,
		`"runAsNonRoot":true`, `"capabilities":{"drop":["ALL"]}`,
	} {
		if !strings.Contains(patch, want) {
			t.Errorf("the patch lacks %s:\n%s", want, patch)
		}
	}
	for name, tt := range map[string]struct{ pod, want string }{
		"a typo in an option": {
			`{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app","log-shipper.pillion.dev/steam":"app"}},"spec":{"containers":[{"name":"web"}]}}`,
			`metadata.annotations[log-shipper.pillion.dev/steam]: Forbidden: log-shipper has no option "steam"; did you mean "log-shipper.pillion.dev/stream"?`,
		},
		"a wrong value": {
			`{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app","log-shipper.pillion.dev/flush":"1h"}},"spec":{"containers":[{"name":"web"}]}}`,
			`metadata.annotations[log-shipper.pillion.dev/flush]: Invalid value: "1h": must be between 1s and 5m`,
		},
		"a variable of the app with another value": {
			`{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app"}},"spec":{"containers":[{"name":"web","env":[{"name":"LOG_DIR","value":"/tmp"}]}]}}`,
			`metadata.annotations[log-shipper.pillion.dev/mount-path]: Invalid value: "log-shipper": sets the variable LOG_DIR to "/var/log/app", and container "web" sets it to another value of 4 bytes; remove one of the two`,
		},
		"two instances on one port": {
			`{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app","b.log-shipper.pillion.dev/mount-path":"/var/log/app"}},"spec":{"containers":[{"name":"web"}]}}`,
			`metadata.annotations[b.log-shipper.pillion.dev/mount-path]: Invalid value: "/var/log/app": container "web" gets its content from log-shipper at /var/log/app already; give each helper a directory of its own`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of, err := pod.Decode([]byte(tt.pod))
			if err != nil {
				t.Fatal(err)
			}
			if got := (inject.Injector{}).Decide(of, p, nil).Message(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMistakesInDefinitions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, old, new, want string }{
		{"an unknown type", "type: duration", "type: duratoin", "line 9: spec.options[2].type: Not found: \"duratoin; the types are "},
		{"a default out of bounds", "default: 5s", "default: 10m", `line 9: spec.options[2].default: Invalid value: "10m": must be between 1s and 5m`},
		{"an example that does not parse", "example: 10s", "example: soon", `line 9: spec.options[2].example: Invalid value: "soon": must be a duration`},
		{"an unknown field", "readOnly: true}, {volume: conf", "readonly: true}, {volume: conf", `line 19: spec.container.mounts[0]: unknown field "readonly"; did you mean "readOnly"?`},
		{"an option that nothing uses", ", {prefix: \"--flush=\", option: flush}", "", `line 9: spec.options[2].name: Invalid value: "flush": is an option that nothing uses; use it, or remove it`},
		{"an unknown option", "option: stream", "option: steam", `line 18: spec.container.env[0].option: Not found: "steam; the options are mount-path, stream, flush and tag; did you mean \"stream\"?"`},
		{"a volume that nobody mounts", ", {volume: conf, path: /etc/shipper, readOnly: true}", "", `line 13: spec.volumes[1].name: Invalid value: "conf": is a volume that the container does not mount; mount it, or remove it`},
		{"a mount of no volume", "volume: conf,", "volume: cnf,", `line 19: spec.container.mounts[1].volume: Not found: "cnf; the volumes are logs and conf; did you mean \"conf\"?"`},
		{"a probe on a port that nobody has", "port: 2021}}", "port: 2022}}", `line 21: spec.container.startupProbe.httpGet.port: Invalid value: "2022": is a port that the container does not have; list it under ports`},
		{"an option that a shell would read", `args: ["--path=/logs", {prefix`, `args: [/bin/sh, -c, {prefix`, `line 17: spec.container.args[2]: Forbidden: the value of the option flush would be read by sh as code; give it in an argument or a variable of a program that takes it as data`},
		{"an option behind -c of an unknown entrypoint", `args: ["--path=/logs", {prefix: "--flush="`, `args: ["-c", {prefix: ""`, `line 17: spec.container.args[1]: Forbidden: the value of the option flush would be read by the image's entrypoint, if it is a shell, as code; give it in an argument or a variable of a program that takes it as data`},
		{"an option as what a shell reads at its start", "name: STREAM", "name: BASH_ENV", `line 18: spec.container.env[0].option: Forbidden: BASH_ENV is read by shells, interpreters or the loader as code or as where to find it, so no pod may set it; write a literal value`},
		{"a name that is too long", "{name: log-shipper}\nspec", "{name: " + strings.Repeat("a", 63) + "}\nspec", `line 3: metadata.name: Invalid value: "` + strings.Repeat("a", 63) + `": makes the name of the container 102 characters long with the longest instance, and Kubernetes takes 63; choose a shorter one, or set single: true`},
		{"a privilege that baseline forbids", "  run: Sidecar", "  privileges: [capability:NET_ADMIN, host-port]\n  run: Sidecar", `line 14: spec.privileges[1]: Forbidden: host-port is forbidden by Pod Security's baseline, which every helper must meet`},
		{"a number where a string is", "kind: Helper", "kind: 5", `line 2: kind: expected a string, got a number, 5; put it into quotes`},
		{"a grace period that preStop exceeds", "    ports:", "    gracePeriodSeconds: 5\n    preStop: {sleep: {seconds: 10}}\n    ports:", `line 20: spec.container.gracePeriodSeconds: Invalid value: 5: includes preStop, which takes 10 seconds`},
		{"a grace period of a day", "    ports:", "    gracePeriodSeconds: 86400\n    ports:", `line 20: spec.container.gracePeriodSeconds: Invalid value: 86400: must be from 1 to 3600`},
		{"a name that a built-in helper has", "{name: log-shipper}\nspec", "{name: git-poller}\nspec", `metadata.name: the name "git-poller" is taken by a built-in helper; give each helper its own name`},
		{"a file that is too long", "kind: Helper", "kind: Helper\n#" + strings.Repeat("x", 256<<10), "the limit of a helper is 262144"},
		{"no limit of memory", ", memory: 128Mi}", "}", `spec.container.resources.limits[memory]: Required value: every helper has CPU and memory requests and limits`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(shipper, tt.old) {
				t.Fatalf("no %q in the definition", tt.old)
			}
			_, errs := withDefined([]File{{Name: "helper.yaml", Data: []byte(strings.Replace(shipper, tt.old, tt.new, 1))}})
			if text := fmt.Sprint(errs); !strings.Contains(text, tt.want) {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

func TestFilesOfHelpersAndPoliciesTogether(t *testing.T) {
	t.Parallel()
	root := strings.Replace(shipper, "  run: Sidecar", "  privileges: [token]\n  run: Sidecar", 1)
	many := make([]File, 0, 201)
	for i := range 201 {
		many = append(many, File{Name: fmt.Sprintf("%d.yaml", i), Data: []byte(strings.Replace(shipper, "log-shipper", fmt.Sprintf("h%d", i), 1))})
	}
	listed := File{Name: "web.yaml", Data: []byte(file("helpers: {log-shipper: {}}"))}
	for _, tt := range []struct {
		name  string
		files []File
		want  string
	}{
		{"a helper and its policy", []File{listed, {Name: "z.yaml", Data: []byte(shipper)}}, "[]"},
		{"a policy of an unknown helper", []File{{Name: "web.yaml", Data: []byte(file("helpers: {log-shiper: {}}"))}, {Name: "z.yaml", Data: []byte(shipper)}}, `did you mean \"log-shipper\"?`},
		{"one name in two files", []File{{Name: "a.yaml", Data: []byte(shipper)}, {Name: "b.yaml", Data: []byte(shipper)}}, `helper file b.yaml: metadata.name: the name "log-shipper" is taken by a.yaml; give each helper its own name`},
		{"a privilege that the policy does not allow", []File{listed, {Name: "z.yaml", Data: []byte(root)}}, "log-shipper needs token; add privileges: {allow: [token]}, or do not list the helper"},
		{"a privilege that the policy allows", []File{{Name: "web.yaml", Data: []byte(file("helpers: {log-shipper: {privileges: {allow: [token]}}}"))}, {Name: "z.yaml", Data: []byte(root)}}, "[]"},
		{"a privilege that nobody needs", []File{{Name: "web.yaml", Data: []byte(file("helpers: {log-shipper: {privileges: {allow: [token]}}}"))}, {Name: "z.yaml", Data: []byte(shipper)}}, "is a privilege that log-shipper does not need; remove it"},
		{"a privilege of a built-in helper", []File{{Name: "web.yaml", Data: []byte(file("helpers: {git-poller: {privileges: {allow: [root]}}}"))}}, "is a privilege that git-poller does not need; remove it"},
		{"201 definitions", many, "there are 201 files of kind Helper; the limit is 200"},
		{"200 definitions", many[:200], "[]"},
		{"a policy is not blamed for a helper whose file is wrong", []File{listed, {Name: "z.yaml", Data: []byte(strings.Replace(shipper, "run: Sidecar", "run: x", 1))}}, `[helper file z.yaml: line 14: spec.run: Unsupported value: "x": supported values: "Sidecar", "Init"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			policies, errs := Load(tt.files)
			if text := fmt.Sprint(errs); !strings.Contains(text, tt.want) {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
			if len(errs) > 0 && policies != nil {
				t.Error("something is served all the same")
			}
		})
	}
}

func TestAnotherDefinitionIsAnotherPolicyHash(t *testing.T) {
	t.Parallel()
	a, b := load(t, shipper, "log-shipper"), load(t, strings.Replace(shipper, "4.0.3", "4.0.4", 1), "log-shipper")
	if a.Hash == b.Hash {
		t.Error("two images, one hash")
	}
}

// The kubelet expands $(VAR) in commands, arguments, probes and variables, and takes what
// preStop runs as it is.
func TestDollarsReachTheHelperAsThePodWroteThem(t *testing.T) {
	t.Parallel()
	definition := strings.NewReplacer(
		`    ports: [`, `    command: [/fluent-bit, {prefix: --tag=, option: tag}]
    preStop: {exec: {command: [/flush, {option: tag}]}}
    livenessProbe: {exec: {command: [/live, {option: tag}]}}
    ports: [`,
		`{name: STREAM, option: stream}`, `{name: STREAM, option: stream}, {name: TAG, option: tag}`,
	).Replace(shipper)
	patch := patchOf(t, load(t, definition, "log-shipper"), `{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/logs","log-shipper.pillion.dev/tag":"$(A)"}},"spec":{"containers":[{"name":"web"}]}}`)
	for _, want := range []string{
		`"command":["/fluent-bit","--tag=$$(A)"]`, `"--tag=$$(A)"]`, `{"name":"TAG","value":"$$(A)"}`,
		`"livenessProbe":{"exec":{"command":["/live","$$(A)"]}`, `"preStop":{"exec":{"command":["/flush","$(A)"]}}`,
	} {
		if !strings.Contains(patch, want) {
			t.Errorf("the patch lacks %s:\n%s", want, patch)
		}
	}
}
