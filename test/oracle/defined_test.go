// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// kindValues are a type as a definition declares it and what annotations say of it.
var kindValues = map[string]struct {
	declared string
	values
}{
	"string":         {"example: a", values{[]string{"a", "$(A)", "-x", "a b", "`id`", "--"}, []string{"", "a\nb", strings.Repeat("x", 3000)}}},
	"url":            {`example: "https://log.example/a"`, values{[]string{"https://log.example/$(A)", "https://log.example:8443/a"}, []string{"log.example", "https://u:p@log.example", "javascript:1"}}},
	"port":           {"default: 2021, example: 2022", values{[]string{"2021", "8000", "9100"}, []string{"0", "70000", "http"}}},
	"boolean":        {"default: true, example: false", optionValues["wait"]},
	"choice":         {"choices: [first, last], default: last, example: first", values{[]string{"first", "last"}, []string{"First", "middle"}}},
	"integer":        {"default: 5, min: 1, max: 10, example: 7", values{[]string{"1", "10"}, []string{"0", "11", "x"}}},
	"duration":       {"min: 1s, max: 5m, example: 10s", values{[]string{"1s", "1m30s"}, []string{"1", "1h", "-1s"}}},
	"size":           {"max: 1Gi, example: 64Mi", values{[]string{"64Mi", "1e6", "1G"}, []string{"2Gi", "-1", "0.1", "lots"}}},
	"absolute path":  {"example: /srv", optionValues["mount-path"]},
	"relative path":  {"example: a/b", optionValues["subdir"]},
	"file name":      {"example: a.log", optionValues["file"]},
	"object name":    {"example: a", optionValues["secret"]},
	"time zone":      {"default: UTC, example: UTC", optionValues["timezone"]},
	"git ref":        {"example: main", optionValues["ref"]},
	"repository URL": {`example: "https://git.example/a"`, optionValues["repo"]},
	"list":           {`of: string, maxItems: 4, example: "a,b"`, values{[]string{"a", "a,$(B)", "a, b"}, []string{"a,,b", "a,b,c,d,e", ""}}},
}

// definition is a random helper of a platform, a policy that lists it, and annotations by
// which a pod asks for it. What it declares is mostly right.
type definition struct {
	s       *source
	options []string // "name type", in their order
	needs   []string // privileges
}

// of is the name of an option of a type, which is declared if there is none.
func (d *definition) of(kind string) string {
	for _, o := range d.options {
		if name, have, _ := strings.Cut(o, " "); have == kind {
			return name
		}
	}
	name := fmt.Sprintf("o%d", len(d.options))
	d.options = append(d.options, name+" "+kind)
	return name
}

func (d *definition) value(literal, kind string) string {
	if d.s.percent(50) {
		return literal
	}
	return "{option: " + d.of(kind) + "}"
}

// words are arguments, each with an option or none.
func (d *definition) words(first ...string) string {
	words := first
	for range d.s.below(4) {
		kind := pick(d.s, sortedKinds...)
		words = append(words, pick(d.s, "--x", `"$(A)"`, "{prefix: --x=, option: "+d.of(kind)+"}", "{option: "+d.of(kind)+"}"))
	}
	return "[" + strings.Join(words, ", ") + "]"
}

var sortedKinds = func() []string {
	var all []string
	for kind := range kindValues {
		all = append(all, kind)
	}
	slices.Sort(all)
	return all
}()

// volumes are those of a helper, with their mounts.
func (d *definition) volumes() (volumes, mounts []string) {
	for i := range d.s.below(4) {
		name := fmt.Sprintf("v%d", i)
		switch d.s.below(4) {
		case 0:
			volumes = append(volumes, fmt.Sprintf("{name: %s, configMap: {name: %s, keys: [a.conf]}}", name, d.value("conf", "object name")))
		case 1:
			volumes = append(volumes, fmt.Sprintf("{name: %s, secret: {name: %s}}", name, d.value("keys", "object name")))
		default:
			app := ""
			if d.s.percent(70) {
				app = fmt.Sprintf(", app: {mountPath: %s, readOnly: %t}", d.value(fmt.Sprintf("/app%d", i), "absolute path"), d.s.percent(50))
			}
			volumes = append(volumes, fmt.Sprintf("{name: %s, emptyDir: {sizeLimit: %s, medium: %s}%s}", name, d.value("64Mi", "size"), pick(d.s, "Disk", "Memory"), app))
		}
		mounts = append(mounts, fmt.Sprintf("{volume: %s, path: /h%d, readOnly: %t}", name, i, d.s.percent(50)))
	}
	return volumes, mounts
}

// text is the definition as a file.
func (d *definition) text() string {
	s := d.s
	run := pick(s, "Sidecar", "Sidecar", "Init")
	volumes, mounts := d.volumes()
	args, command := strings.Replace(d.words(), "[", "[{prefix: --level=, option: level}, ", 1), ""
	if s.percent(40) {
		command = "    command: " + d.words("/program") + "\n"
	}
	var env, appEnv []string
	for i := range s.below(3) {
		env = append(env, pick(s, fmt.Sprintf(`{name: E%d, value: "$(A)"}`, i), fmt.Sprintf("{name: E%d, prefix: x, option: %s}", i, d.of(pick(s, sortedKinds...))), fmt.Sprintf("{name: E%d, fieldRef: metadata.name}", i)))
		appEnv = append(appEnv, pick(s, fmt.Sprintf("{name: A%d, value: b}", i), fmt.Sprintf("{name: A%d, option: %s}", i, d.of(pick(s, sortedKinds...)))))
	}
	for _, privilege := range []string{"token", "root", "writable-root", "capability:CHOWN", "capability:NET_BIND_SERVICE"} {
		if s.percent(8) {
			d.needs = append(d.needs, privilege)
		}
	}
	ports, probes := "[]", ""
	if s.percent(60) {
		port := d.value("2020", "port")
		ports = "[{name: http, port: " + port + "}, {port: 5353, protocol: UDP}]"
		if run == "Sidecar" {
			probes = "    startupProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 2}\n    readinessProbe: {tcpSocket: {port: " + port + "}}\n"
		}
	}
	if run == "Sidecar" && s.percent(40) {
		probes += "    livenessProbe: {exec: {command: " + d.words("/live") + "}}\n    preStop: " + pick(s, "{sleep: {seconds: 3}}", "{exec: {command: "+d.words("/stop")+"}}") + "\n" + pick(s, "", "    gracePeriodSeconds: 40\n")
	}
	position := ""
	if s.percent(50) {
		position = "  position: " + pick(s, "first", "last", "{option: "+d.of("choice")+"}") + "\n"
	}
	if run == "Sidecar" && strings.Contains(probes, "startupProbe") && s.percent(50) {
		position += "  wait: {option: " + d.of("boolean") + "}\n"
	}
	head := "apiVersion: pillion.dev/v1alpha1\nkind: Helper\nmetadata: {name: shipper}\nspec:\n  description: A helper.\n  run: " + run +
		fmt.Sprintf("\n  single: %t\n", s.percent(20)) + position +
		"  privileges: [" + strings.Join(d.needs, ", ") + "]\n"
	body := "  volumes: [" + strings.Join(volumes, ", ") + "]\n  appEnv: [" + strings.Join(appEnv, ", ") + "]\n" +
		"  container:\n    image: registry.example/shipper:v1\n" + command + "    args: " + args + "\n    env: [" + strings.Join(env, ", ") + "]\n" +
		"    mounts: [" + strings.Join(mounts, ", ") + "]\n    ports: " + ports + "\n" + probes +
		"    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: 0.2, memory: 1e8}}\n"
	return head + "  options:\n" + d.declared(head+body) + body
}

// declared are the options that are used: what was a choice and not made is not.
func (d *definition) declared(used string) string {
	options := "  - {name: level, type: choice, choices: [a, b], default: a, example: b, description: An option.}\n" // so that there always is one
	if (strings.Contains(used, "app:") || !strings.Contains(used, "appEnv: []")) && d.s.percent(30) {
		options += "  - {name: containers, type: container names, example: web, description: Who takes part.}\n"
	}
	for _, o := range d.options {
		name, kind, _ := strings.Cut(o, " ")
		if !strings.Contains(used, "option: "+name+"}") {
			continue
		}
		required := ""
		if !strings.Contains(kindValues[kind].declared, "default:") && d.s.percent(30) {
			required = "required: true, "
		}
		options += fmt.Sprintf("  - {name: %s, type: %s, %s%s, description: An option.}\n", name, kind, required, kindValues[kind].declared)
	}
	return options
}

// definedInput is a definition, a policy and a pod that asks for it; nil if the definition has
// a mistake, which text then is.
func definedInput(data []byte) (p *inject.Policy, pod *corev1.Pod, text string, err error) {
	s := newSource(data)
	d := &definition{s: s}
	text = d.text()
	bounds := pick(s, "", "", "{memory: {max: 1Gi}}", "{memory: {default: 64Mi, max: 1Gi}, cpu: {max: 1}}", "{cpu: {default: 20m, max: 1.5}}")
	rules := "spec:\n  enforcement: " + pick(s, "Deny", "Deny", "Warn") + "\n  runAsUser: " + pick(s, "1000", "FromNamespace") + "\n  helpers:\n    git-poller: {}\n    ipc: {}\n    start: {}\n    shipper:\n"
	if len(d.needs) > 0 {
		rules += "      privileges: {allow: [" + strings.Join(d.needs, ", ") + "]}\n"
	}
	if bounds != "" {
		rules += "      resources: " + bounds + "\n"
	}
	policies, errs := policy.Load([]policy.File{
		{Name: "shipper.yaml", Data: []byte(text)},
		{Name: "web.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\n" + rules)},
	})
	if len(errs) > 0 {
		return nil, nil, text, fmt.Errorf("%v", errs)
	}
	p, pod = policies["web"], s.pod()
	for key := range pod.Annotations {
		if strings.HasPrefix(key, "date-writer.") || strings.Contains(key, ".date-writer.") {
			delete(pod.Annotations, key) // which this policy does not list
		}
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	s.ask(p, pod)
	if s.percent(25) {
		pod = s.injectedBefore(p, pod)
	}
	return p, pod, text, nil
}

// ask annotates a pod with options of the shipper.
func (s *source) ask(p *inject.Policy, pod *corev1.Pod) {
	h := p.Known.Find("shipper")
	odd := pick(s, 0, 0, 0, 0, 3, 30)
	for range 1 + s.below(2) {
		instance := pick(s, "", "", "docs", strings.Repeat("i", 30))
		if h.Single {
			instance = ""
		}
		for i := range h.Options {
			o := &h.Options[i]
			v := optionValues[o.Name]
			if k, found := kindValues[strings.TrimSuffix(o.Kind.Name, " of strings")]; found && o.Name != "cpu" && o.Name != "memory" {
				v = k.values
			}
			if o.Kind.Choices != nil {
				v.right = o.Kind.Choices
			}
			switch o.Name {
			case "cpu":
				v = values{[]string{"10m", "0.5", "1"}, []string{"0", "8", "x"}}
			case "memory":
				v = values{[]string{"32Mi", "1e8", "1Gi"}, []string{"1Mi", "2Gi", "x"}}
			}
			if o.Required || s.percent(40) {
				pod.Annotations[h.Key(instance, o.Name)] = s.value(v, odd)
			}
		}
	}
}

// FuzzDefinedHelpers: random definitions and random annotations, by the same rules.
func FuzzDefinedHelpers(f *testing.F) {
	for i := range 64 {
		f.Add(seed(i))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, pod, text, err := definedInput(data)
		if err != nil {
			return
		}
		raw := asReceived(pod)
		before, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := validate(before); err != nil {
			return
		}
		if d, err := judge(p, before, raw); err != nil {
			t.Errorf("%s %s: %v\n%s\n%s", d.Result, d.Reason, err, text, raw)
		}
	})
}

func TestTheGeneratorOfDefinitionsReachesEveryOutcome(t *testing.T) {
	t.Parallel()
	mistakes, valid := 0, 0
	reasons := map[reason.Reason]int{}
	got := map[string]int{} // helpers by privilege, and what else there is to see
	for i := range *pods {
		p, pod, text, err := definedInput(seed(i))
		if err != nil {
			mistakes++
			if mistakes < 3 {
				t.Logf("a definition with a mistake: %v\n%s", err, text)
			}
			continue
		}
		raw := asReceived(pod)
		before, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := validate(before); err != nil {
			continue
		}
		valid++
		d, err := judge(p, before, raw)
		if err != nil {
			t.Errorf("pod %d: %s %s: %v\n%s\n%s", i, d.Result, d.Reason, err, text, raw)
		}
		reasons[d.Reason]++
		if d.Result == reason.Injected && slices.ContainsFunc(d.Plan.Containers, func(c plan.Container) bool { return strings.HasPrefix(c.Container.Name, "pillion-shipper") }) {
			got["injected"]++
			for _, privilege := range p.Known.Find("shipper").Privileges {
				got[privilege]++
			}
		}
	}
	t.Logf("%d definitions have mistakes; %d of %d pods are valid: %v %v", mistakes, valid, *pods, reasons, got)
	if mistakes > *pods/4 || valid < *pods/4 || got["injected"] < valid/8 {
		t.Errorf("the generator makes too little that is right")
	}
	for _, what := range []string{"token", "root", "writable-root", "capability:CHOWN"} {
		if got[what] == 0 {
			t.Errorf("no helper with the privilege %s was injected", what)
		}
	}
}
