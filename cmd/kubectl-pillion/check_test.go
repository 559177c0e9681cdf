// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// A check that could not see is no check that found nothing.
func TestACheckThatCouldNotSeeIsNoAnswer(t *testing.T) {
	t.Parallel()
	f := fakeCluster{"/version": "{gitVersion: v1.37.2}", "/api/v1/nodes": "{items: []}", webhooksPath: "forbidden"}
	r := call("", append(f.flags(t), "check")...)
	if r.code != exitFailed || r.errOut != "" {
		t.Errorf("exit code %d, want %d; said %q", r.code, exitFailed, r.errOut)
	}
	for _, want := range []string{
		"? configuration: not checked: you may not list mutatingwebhookconfigurations.admissionregistration.k8s.io\n",
		"\nincomplete: 1 could not be checked, no errors in the rest; 1 warning, 14 not checked\n",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("there is no %q in\n%s", want, r.out)
		}
	}
	r = call("", append(f.flags(t), "check", "-o", "json")...)
	if r.code != exitFailed || !strings.Contains(r.out, `"result": "unknown"`) {
		t.Errorf("exit code %d, %s", r.code, r.out)
	}
}

// Policies are loaded as the webhook loads them, and what is wrong names the file.
func TestPoliciesAreLoadedAsTheWebhookDoes(t *testing.T) {
	t.Parallel()
	const good = "{apiVersion: pillion.dev/v1alpha1, kind: InjectionPolicy, metadata: {name: web}, spec: {helpers: {}}}"
	if names, err := loadPolicies(map[string]string{"web.yaml": good}); err != nil || strings.Join(names, " ") != "web" {
		t.Errorf("got %v, %v", names, err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a mistake":       {map[string]string{"web.yaml": "kind: X"}, "policy file web.yaml: "},
		"two of one name": {map[string]string{"a.yaml": good, "b.yaml": good}, `policy file b.yaml: metadata.name: the policy "web" is in a.yaml already`},
		"none":            {nil, "the policy directory "},
	} {
		if _, err := loadPolicies(c.files); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s…", name, err, c.want)
		}
	}
}

func TestAVersionUnderWorkIsThatOfItsImage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag, version string
		want         bool
	}{
		{"v0.1.0", "v0.1.0", true},
		{"v0.1.0", "v0.1.0-dev", true},
		{"v0.1.0-dev", "v0.1.0", true},
		{"v0.1.0", "v0.2.0-dev", false},
		{"v0.1.0-rc.1", "v0.1.0", false},
		{"", "v0.1.0-dev", false},
		{"latest", "v0.1.0-dev", false},
	} {
		if got := sameVersion(c.tag, c.version); got != c.want {
			t.Errorf("the tag %q is that of %s: %v, want %v", c.tag, c.version, got, c.want)
		}
	}
}
