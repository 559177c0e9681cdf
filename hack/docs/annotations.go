// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// annotations is the page of all options. Each has a heading HELPER: OPTION, so that its
// anchor is #HELPER-OPTION on GitHub and in the site; error messages link to it.
func annotations() string {
	var out strings.Builder
	out.WriteString(`# Annotations

Put them on the pod, or on the **pod template** of a workload. A key is
` + "`[<instance>.]<helper>." + helper.Domain + "/<option>`" + `; any option of a helper requests that helper. A second
instance of a helper has its own name before the key: ` + "`docs.git-poller." + helper.Domain + "/repo`" + `. A pod has one ` + "`ipc` and one `start`" + ` at most.

Any unknown key under ` + "`" + helper.Domain + "`" + ` is denied, and the message names the nearest valid key. Booleans are exactly
` + "`\"true\"` and `\"false\"`" + ` (quoted, since annotations are strings). Durations use Go syntax (` + "`90s`, `1h30m`" + `), sizes are
Kubernetes quantities (` + "`64Ki`, `1Mi`" + `), and commas separate the elements of a list.

A policy can set another default, narrow the bounds, list the allowed values, or fix a value.

| key | meaning |
|---|---|
| ` + "`" + inject.InjectAnnotation + "`" + ` | ` + "`\"false\"`" + ` opts the pod out of what a policy adds by default; what the pod requests itself stays. Where a policy requires helpers and adds none by default, the pod is denied. |
| ` + "`" + inject.StatusAnnotation + "`" + ` | Written by Pillion: what it did and why. Never read to decide anything. |
`)
	for _, h := range helpers.Builtin().All() {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n%s\n\nOptions:", h.Name, h.Doc, adds(h))
		for i := range h.Options {
			fmt.Fprintf(&out, "%s [`%s`](#%s-%s)", separator(i), h.Options[i].Name, h.Name, h.Options[i].Name)
		}
		out.WriteString(".\n")
		for i := range h.Options {
			out.WriteString(optionSection(h.Name, &h.Options[i]))
		}
		if len(h.Engines) > 0 {
			engine(&out, h)
		}
	}
	return out.String()
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// optionSection is what the reference says of one option.
func optionSection(name string, o *option.Option) string {
	key := fmt.Sprintf("%s.%s/%s", name, helper.Domain, o.Name)
	example, err := yaml.Marshal(map[string]string{key: o.Example})
	if err != nil {
		panic(err) // strings can be marshalled
	}
	return fmt.Sprintf("\n### %s: %s\n\n%s\n\n| type | default | bounds | concerns |\n|---|---|---|---|\n| %s | %s | %s | %s |\n\n<!-- test: option -->\n\n```yaml\n%s```\n",
		name, o.Name, o.Doc, o.Kind.Name, standard(o), bounds(o), concerns(name, o.Name), example)
}

// concerned are the containers on which an option has an effect, where that is not the helper's
// own alone. A test holds the keys to options that there are.
var concerned = map[string]string{
	"config-reloader/signal":     "the named container",
	"config-reloader/watch":      "the app's containers that mount the directories",
	"config-reloader/containers": "the named containers",
	"date-writer/mount-path":     "those of `containers`",
	"date-writer/containers":     "the named containers",
	"date-writer/wait":           "all containers that start after it",
	"git-poller/mount-path":      "those of `containers`",
	"git-poller/containers":      "the named containers",
	"git-poller/writable":        "those of `containers`",
	"git-poller/wait":            "all containers that start after it",
	"git-poller/position":        "the init containers",
	"git-poller/signal":          "the named container",
	"ipc/process":                "the whole pod",
	"ipc/sysctls":                "the whole pod",
	"ipc/gid":                    "the whole pod",
	"ipc/mqueue":                 "the whole pod",
	"ipc/sysv":                   "the whole pod",
	"ipc/containers":             "the named containers",
	"ipc/shm":                    "those of `containers`",
	"ipc/socket":                 "those of `containers`",
	"ipc/fifo":                   "those of `containers`",
	"ipc/hugepages":              "those of `containers`",
	"start/after":                "the named containers",
	"start/timeout":              "those of `after`",
	"start/umask":                "the named containers",
}

func concerns(name, option string) string {
	return cmp.Or(concerned[name+"/"+option], "the helper's own container")
}

// engine is the table of what each option means with the engine git-sync.
func engine(out *strings.Builder, h *helper.Helper) {
	fmt.Fprintf(out, `
### %s with the engine git-sync

Where the policy says `+"`engine: git-sync`"+`, the program is that of [kubernetes/git-sync](https://github.com/kubernetes/git-sync), and
[not all is the same](../design/0013-engine-git-sync.md). What it cannot do is denied with the reason.

| option | with git-sync |
|---|---|
`, h.Name)
	for i := range h.Options {
		o := &h.Options[i]
		fmt.Fprintf(out, "| `%s` | %s |\n", o.Name, cmp.Or(o.WithGitSync, "The same."))
	}
	out.WriteString(`
Of what a policy says for all pods, git-sync takes from ` + "`proxy`" + ` the ` + "`url` and `noProxy`" + `, for https and http: as curl reads that, ` + "`.acme.example`" + `
means the host acme.example as well, loopback addresses are no exception, and a proxy's own certificate is checked against the system's
authorities. ` + "`extraCAs`" + ` become git's ` + "`http.sslCAPath`" + `, which takes any file if git uses GnuTLS, as in git-sync's image. A connection on which nothing
comes for a minute is given up.
`)
}

// adds says what a pod gets of a helper.
func adds(h *helper.Helper) string {
	if h.Adds != "" {
		return h.Adds
	}
	return fmt.Sprintf("The container is `%s%s`, or `%s%s-<instance>`.", pod.ReservedPrefix, h.Name, pod.ReservedPrefix, h.Name)
}

func standard(o *option.Option) string {
	switch {
	case o.Required:
		return "**required**"
	case o.Default == "":
		return ""
	}
	return "`" + o.Default + "`"
}

func bounds(o *option.Option) string {
	switch {
	case o.Listed:
		return "what the policy lists"
	case len(o.Kind.Choices) > 0:
		return "`" + strings.Join(o.Kind.Choices, "`, `") + "`"
	case o.Min == "" && o.Max == "":
		return ""
	}
	return o.Min + " to " + o.Max
}
