// SPDX-License-Identifier: Apache-2.0

package defined_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

const proxy = `apiVersion: pillion.dev/v1alpha1
kind: Helper
metadata: {name: egress-proxy}
spec:
  description: Lets the app reach what the proxy lets through.
  options:
  - {name: port, type: port, default: 8888, example: 3128, description: Where the proxy listens.}
  - {name: hosts, type: list, of: string, maxItems: 4, example: "a.example,b.example", description: Which hosts it lets through.}
  - {name: level, type: choice, choices: [info, debug], default: info, example: debug, description: What it logs.}
  volumes:
  - {name: cache, emptyDir: {sizeLimit: 64Mi}}
  run: Sidecar
  container:
    image: registry.acme.example/tinyproxy:1.11.2
    args: [{prefix: --port=, option: port}, {prefix: --allow=, option: hosts}, {prefix: --log=, option: level}]
    mounts: [{volume: cache, path: /var/cache/proxy}]
    ports: [{name: proxy, port: {option: port}}]
    startupProbe: {tcpSocket: {port: {option: port}}}
    readinessProbe: {tcpSocket: {port: proxy}}
    resources: {requests: {cpu: 5m, memory: 16Mi}, limits: {cpu: 100m, memory: 64Mi}}
  appEnv: [{name: HTTP_PROXY, prefix: "http://127.0.0.1:", option: port}]
`

// replaced is the definition with pairs of old and new text replaced, each once.
func replaced(t *testing.T, definition string, pairs ...string) []byte {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(definition, pairs[i]) {
			t.Fatalf("no %q in the definition", pairs[i])
		}
		definition = strings.Replace(definition, pairs[i], pairs[i+1], 1)
	}
	return []byte(definition)
}

func TestTheDefinitionIsRight(t *testing.T) {
	t.Parallel()
	if _, err := defined.Parse([]byte(proxy)); err != nil {
		t.Error(err)
	}
}

func TestAllMistakesOfADefinitionInTheOrderOfItsFields(t *testing.T) {
	t.Parallel()
	wrong := func(port, seconds string) string { return "{tcpSocket: {port: " + port + "}, " + seconds + "}" }
	for _, tt := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"three probes on ports that nobody has, with seconds below zero", []string{
			"startupProbe: {tcpSocket: {port: {option: port}}}", "startupProbe: " + wrong("1", "initialDelaySeconds: -1, periodSeconds: -2, timeoutSeconds: -3, failureThreshold: -4"),
			"readinessProbe: {tcpSocket: {port: proxy}}", "readinessProbe: " + wrong("2", "periodSeconds: -1") + "\n    livenessProbe: " + wrong("3", "timeoutSeconds: -1"),
		}, `line 18: spec.container.startupProbe.tcpSocket.port: Invalid value: "1": is a port that the container does not have; list it under ports
line 18: spec.container.startupProbe.initialDelaySeconds: Invalid value: -1: must not be negative
line 18: spec.container.startupProbe.periodSeconds: Invalid value: -2: must not be negative
line 18: spec.container.startupProbe.timeoutSeconds: Invalid value: -3: must not be negative
line 18: spec.container.startupProbe.failureThreshold: Invalid value: -4: must not be negative
line 19: spec.container.readinessProbe.tcpSocket.port: Invalid value: "2": is a port that the container does not have; list it under ports
line 19: spec.container.readinessProbe.periodSeconds: Invalid value: -1: must not be negative
line 20: spec.container.livenessProbe.tcpSocket.port: Invalid value: "3": is a port that the container does not have; list it under ports
line 20: spec.container.livenessProbe.timeoutSeconds: Invalid value: -1: must not be negative`},
		{"an init container with probes", []string{"run: Sidecar", "run: Init"}, `line 18: spec.container.startupProbe: Forbidden: an init container has no probes
line 19: spec.container.readinessProbe: Forbidden: an init container has no probes`},
		{
			"a prefix that is an option again",
			[]string{"{prefix: --log=, option: level}", "{prefix: {option: port}, option: level}"},
			`line 15: spec.container.args[2].prefix: expected a string, got a mapping`,
		},
		{
			"an option in the middle of a string",
			[]string{"{prefix: --log=, option: level}", "{prefix: --log=, option: level, suffix: x}"},
			`line 15: spec.container.args[2]: unknown field "suffix"; the fields are prefix, option`,
		},
		{
			"a prefix of a path",
			[]string{"port: {option: port}}]", "port: {prefix: \"1\", option: port}}]"},
			`line 17: spec.container.ports[0].port.prefix: Forbidden: only arguments and variables have a prefix`,
		},
		{"a prefix of dashes alone", []string{"{prefix: --log=, option: level}", "{prefix: --, option: level}"}, `line 15: spec.container.args[2].prefix: Forbidden: lets the value choose the program's flag; write the flag out, such as --name=`},
		{"a default in the wrong type", []string{"default: 8888", "default: 70000"}, `line 7: spec.options[0].default: Invalid value: "70000": must be the number of a port, from 1 to 65535`},
		{"a default and required", []string{"default: info,", "default: info, required: true,"}, `line 9: spec.options[2].default: Forbidden: a required option has no default; remove one of the two`},
		{"a minimum above the maximum", []string{"default: 8888", "min: 9000, max: 80"}, `line 7: spec.options[0].min: Invalid value: "9000": is above max, 80
line 7: spec.options[0].example: Invalid value: "3128": must be between 9000 and 80`},
		{"bounds of what has no order", []string{"default: info,", "default: info, min: debug,"}, `line 9: spec.options[2].min: Forbidden: is for numbers, durations, sizes and ports, and choice is none of these`},
		{"a list of lists", []string{"of: string", "of: list"}, `line 8: spec.options[1].of: Invalid value: "list": a list has elements of a scalar type`},
		{"an option of a name that policies offer", []string{"name: level", "name: memory", "option: level", "option: memory"}, `line 9: spec.options[2].name: Forbidden: is the name of an option that every helper has where a policy allows it; choose another`},
		{"the name of the volume in place of the token", []string{"egress-proxy}", "no-token}"}, `line 3: metadata.name: Forbidden: is the name of a volume that every helper has; choose another`},
		{"the same by the name of a volume", []string{"egress-proxy}", "token}", "name: cache", "name: no", "volume: cache", "volume: no"}, `line 11: spec.volumes[0].name: Forbidden: makes the name of the volume pillion-no-token, which every helper has; choose another`},
		{
			"a volume whose name is too long with the longest instance",
			[]string{"name: cache", "name: cache-of-all-answers", "volume: cache", "volume: cache-of-all-answers"},
			`line 11: spec.volumes[0].name: Invalid value: "egress-proxy": makes the name of the volume cache-of-all-answers 72 characters long with the longest instance, and Kubernetes takes 63; choose a shorter one, or set single: true`,
		},
		{"a mount at the place of the token", []string{"path: /var/cache/proxy", "path: /var/run/secrets"}, `line 16: spec.container.mounts[0].path: Forbidden: is the place of the ServiceAccount token`},
		{"one variable twice", []string{"option: port}]\n", "option: port}, {name: HTTP_PROXY, value: x}]\n"}, `line 21: spec.appEnv[1].name: Duplicate value: "HTTP_PROXY"`},
		{"an option as the path of programs in the app", []string{"name: HTTP_PROXY", "name: PATH"}, `line 21: spec.appEnv[0].option: Forbidden: PATH is read by shells, interpreters or the loader as code or as where to find it, so no pod may set it; write a literal value`},
		{
			"a privilege that nobody knows",
			[]string{"  run: Sidecar", "  privileges: [capability:NET_BIND_SERVCE]\n  run: Sidecar"},
			`line 12: spec.privileges[0]: Invalid value: "capability:NET_BIND_SERVCE": is not a privilege within Pod Security's baseline; the privileges are token, root, writable-root, capability:AUDIT_WRITE, capability:CHOWN, capability:DAC_OVERRIDE, capability:FOWNER, capability:FSETID, capability:KILL, capability:MKNOD, capability:NET_BIND_SERVICE, capability:SETFCAP, capability:SETGID, capability:SETPCAP, capability:SETUID and capability:SYS_CHROOT; did you mean "capability:NET_BIND_SERVICE"?`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // the order is always the same
				_, err := defined.Parse(replaced(t, proxy, tt.pairs...))
				if err == nil {
					t.Fatal("the definition is taken")
				}
				if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
					t.Fatalf("mistakes (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestWhatTheFileSaysIsTakenLetterForLetter(t *testing.T) {
	t.Parallel()
	data := replaced(t, proxy, "choices: [info, debug], default: info, example: debug", "choices: [on, no, 0644, 1_0, 1.0], default: no, example: 0644")
	h, err := defined.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	o := h.Option("level")
	if diff := cmp.Diff([]string{"on", "no", "0644", "1_0", "1.0"}, o.Kind.Choices); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
	if o.Default != "no" || o.Example != "0644" {
		t.Errorf("default %q, example %q", o.Default, o.Example)
	}
}
