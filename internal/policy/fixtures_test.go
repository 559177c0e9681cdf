// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// file is a policy named web whose spec is the lines given, indented by two.
func file(spec ...string) string {
	head := []string{"apiVersion: pillion.dev/v1alpha1", "kind: InjectionPolicy", "metadata:", "  name: web", "spec:"}
	for _, line := range spec {
		head = append(head, "  "+line)
	}
	return strings.Join(head, "\n") + "\n"
}

// gitPoller is a policy whose helper git-poller has the lines given.
func gitPoller(lines ...string) string {
	spec := []string{"helpers:", "  git-poller:"}
	for _, line := range lines {
		spec = append(spec, "    "+line)
	}
	return file(spec...)
}

// ruleFor is a policy with one rule for one option of git-poller, as a flow mapping.
func ruleFor(option, mapping string) string {
	return gitPoller("options:", "  "+option+": "+mapping)
}

// line is where a mistake is.
var line = regexp.MustCompile(`^line \d+: `)

// mistakes takes an error of several apart, without their lines.
func mistakes(err error) []string {
	all := withLines(err)
	for i := range all {
		all[i] = line.ReplaceAllString(all[i], "")
	}
	return all
}

// withLines takes an error of several apart.
func withLines(err error) []string {
	if err == nil {
		return nil
	}
	var list []error
	switch several := err.(type) { //nolint:errorlint // it is taken apart, not looked into
	case interface{ Errors() []error }:
		list = several.Errors()
	case interface{ Unwrap() []error }:
		list = several.Unwrap()
	default:
		return []string{err.Error()}
	}
	var out []string
	for _, one := range list {
		out = append(out, one.Error())
	}
	return out
}

func mustParse(t *testing.T, data string) *inject.Policy {
	t.Helper()
	p, err := Parse([]byte(data))
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	return p
}

// write makes a file in a directory.
func write(t *testing.T, dir, name, data string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// decide reviews a pod with these annotations under a policy.
func decide(p *inject.Policy, pairs ...string) inject.Decision {
	pod := &pod.Pod{
		Metadata: pod.Metadata{Annotations: map[string]string{
			"git-poller.pillion.dev/repo": "https://github.com/acme/site.git", "git-poller.pillion.dev/mount-path": "/srv/site",
		}},
		Spec: pod.Spec{Containers: []pod.Container{{Name: "web", Command: []string{"nginx"}}}},
	}
	for i := 0; i < len(pairs); i += 2 {
		pod.Metadata.Annotations[pairs[i]] = pairs[i+1]
	}
	return inject.Injector{}.Decide(pod, p, nil)
}
