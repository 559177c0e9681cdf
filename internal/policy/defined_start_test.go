// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// waiting is the shipper with an option by which a pod decides whether the app waits for it.
var waiting = strings.NewReplacer(
	"  volumes:\n", "  - {name: wait, type: boolean, default: true, example: false, description: Whether the app waits.}\n  - {name: port, type: port, default: 2021, example: 2022, description: Its port.}\n  volumes:\n",
	"  run: Sidecar\n", "  run: Sidecar\n  wait: {option: wait}\n",
	"  appEnv: [{name: LOG_DIR, option: mount-path}]\n", "", "port: 2021}]", "port: {option: port}}]", "port: 2021}}", "port: {option: port}}}",
).Replace(shipper)

func TestAContainerWaitsUntilAHelperIsUp(t *testing.T) {
	t.Parallel()
	execOnly := strings.Replace(waiting, "{httpGet: {path: /ready, port: {option: port}}}", "{exec: {command: [/up]}}", 1)
	policies := map[string]*inject.Policy{}
	for name, definition := range map[string]string{
		"http": waiting, "exec": execOnly,
		"tcp":      strings.Replace(execOnly, "    resources:", "    readinessProbe: {tcpSocket: {port: {option: port}}}\n    resources:", 1),
		"no probe": strings.NewReplacer("    startupProbe: {exec: {command: [/up]}}\n", "", "  wait: {option: wait}\n", "", ", {name: POD", ", {name: WAIT, option: wait}, {name: POD").Replace(execOnly),
		"init":     strings.NewReplacer("    startupProbe: {exec: {command: [/up]}}\n", "", "  wait: {option: wait}\n", "", ", {name: POD", ", {name: WAIT, option: wait}, {name: POD", "run: Sidecar", "run: Init").Replace(execOnly),
	} {
		all, errs := Load([]File{{Name: "h.yaml", Data: []byte(definition)}, {Name: "web.yaml", Data: []byte(file("helpers: {log-shipper: {}, start: {}, date-writer: {}, git-poller: {}, ipc: {}}"))}})
		if len(errs) > 0 {
			t.Fatal(name, errs)
		}
		policies[name] = all["web"]
	}
	const held = "pillion: start: web starts after the helper it waits for anyway"
	for _, tt := range []struct {
		name, policy, after, wait, more string
		words                           []string // in front of the command
		warning, message                string
	}{
		{"a probe over HTTP", "http", "web=ready:log-shipper", "false", "", []string{"--wait=http:127.0.0.1:2021/ready", "--timeout=5m0s"}, "", ""},
		{"at the port that the pod says", "http", "web=ready:log-shipper", "false", `,"log-shipper.pillion.dev/port":"2044"`, []string{"--wait=http:127.0.0.1:2044/ready", "--timeout=5m0s"}, "", ""},
		{"a probe of a port", "tcp", "web=ready:log-shipper,web=file:/a", "false", "", []string{"--wait=tcp:127.0.0.1:2021", "--wait=file:/a", "--timeout=5m0s"}, "", ""},
		{"an instance", "http", "web=ready:b.log-shipper", "false", `,"b.log-shipper.pillion.dev/mount-path":"/b","b.log-shipper.pillion.dev/port":"2045","b.log-shipper.pillion.dev/wait":"false"`, []string{"--wait=http:127.0.0.1:2045/ready", "--timeout=5m0s"}, "", ""},
		{"a helper that the app waits for as a whole", "http", "web=ready:log-shipper", "true", "", []string{"--wait=http:127.0.0.1:2021/ready", "--timeout=5m0s"}, held, ""},
		{"the same, by a program", "exec", "web=ready:log-shipper", "true", "", nil, held, ""},
		{"an init container", "init", "web=ready:log-shipper", "true", "", nil, held, ""},
		{"the file of a date-writer", "http", "web=ready:date-writer", "false", `,"date-writer.pillion.dev/mount-path":"/srv","date-writer.pillion.dev/wait":"false"`, []string{"--wait=file:/srv/index.html", "--timeout=5m0s"}, "", ""},
		{"kernel objects, which are there before", "http", "web=ready:ipc", "false", `,"ipc.pillion.dev/mqueue":"/a"`, nil, held, ""},

		{
			"a probe that is a program", "exec", "web=ready:log-shipper", "false", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:log-shipper": log-shipper has no port and no file by which web could tell that it is up; let the app wait for it (option wait), or wait for something that it makes, such as file:/path`,
		},
		{
			"no probe", "no probe", "web=ready:log-shipper", "true", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:log-shipper": log-shipper has no port and no file by which web could tell that it is up; let the app wait for it (option wait), or wait for something that it makes, such as file:/path`,
		},
		{
			"a git-poller, whose engines publish in different places", "http", "web=ready:git-poller", "false", `,"git-poller.pillion.dev/mount-path":"/srv","git-poller.pillion.dev/repo":"https://git.example/a","git-poller.pillion.dev/wait":"false"`, nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:git-poller": git-poller has no port and no file by which web could tell that it is up; let the app wait for it (option wait), or wait for something that it makes, such as file:/path`,
		},
		{
			"a date-writer that the container has no part in", "http", "web=ready:date-writer", "false", `,"date-writer.pillion.dev/mount-path":"/srv","date-writer.pillion.dev/wait":"false","date-writer.pillion.dev/containers":"api"`, nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:date-writer": date-writer has no port and no file by which web could tell that it is up; let the app wait for it (option wait), or wait for something that it makes, such as file:/path`,
		},
		{
			"a typo", "http", "web=ready:log-shiper", "false", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:log-shiper": the pod asks for no helper log-shiper; did you mean "log-shipper"?`,
		},
		{
			"an instance that there is not", "http", "web=ready:b.log-shipper", "false", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:b.log-shipper": the pod asks for no helper b.log-shipper; did you mean "log-shipper"?`,
		},
		{
			"itself", "http", "web=ready:start", "false", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:start": start is no helper that runs; wait for what the container needs`,
		},
		{
			"what is no name", "http", "web=ready:a.b.c", "false", "", nil, "",
			`metadata.annotations[start.pillion.dev/after]: Invalid value: "web=ready:a.b.c": has "web=ready:a.b.c", which must name a helper as annotation keys do, such as ready:log-shipper or ready:docs.git-poller`,
		},
		{
			"a helper with a mistake of its own, which is said once", "http", "web=ready:log-shipper", "maybe", "", nil, "",
			`metadata.annotations[log-shipper.pillion.dev/wait]: Invalid value: "maybe": must be "true" or "false"`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw := `{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/logs","log-shipper.pillion.dev/wait":"` + tt.wait + `","start.pillion.dev/after":"` + tt.after + `"` + tt.more +
				`}},"spec":{"containers":[{"name":"web","command":["/app"]},{"name":"api"}]}}`
			of, err := pod.Decode([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			d := inject.Injector{}.Decide(of, policies[tt.policy], nil)
			if diff := cmp.Diff(tt.message, d.Message()); diff != "" {
				t.Fatalf("message (-want +got):\n%s", diff)
			}
			if tt.message != "" {
				return
			}
			if slices.Contains(d.Warnings, held) != (tt.warning != "") {
				t.Errorf("warnings %q, want %q", d.Warnings, tt.warning)
			}
			want, _ := json.Marshal(append(append([]string{"/.pillion/bin/pillion-helper", "run"}, tt.words...), "--"))
			got, _ := json.Marshal(d.Plan.Commands[0].Wrapper)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the words in front of the command (-want +got):\n%s", diff)
			}
		})
	}
}
