// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

const head = "apiVersion: pillion.dev/v1alpha1\nkind: PolicyTest\npolicy: web.yaml\n"

func TestMistakesInATable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an empty file":                   {"# nothing\n", "is empty"},
		"no YAML":                         {"a: b: c\n", "is not YAML: yaml: mapping values are not allowed in this context"},
		"two documents":                   {head + "cases: []\n---\na: 1\n", "has more than one YAML document; put each table into a file of its own"},
		"values of a wrong type in a pod": {head + "cases:\n- name: x\n  want: {result: Skipped}\n  pod: {metadata: {annotations: {git-poller.pillion.dev/wait: true}}, spec: {containers: [{name: a, image: 5}]}}\n", "case \"x\": pod.metadata.annotations[git-poller.pillion.dev/wait]: expected a string, got the boolean true\ncase \"x\": pod.spec.containers[0].image: expected a string, got the number 5"},
		"a number for a list in a pod":    {head + "cases: [{name: x, pod: {spec: {containers: 1}}, want: {result: Denied}}]\n", `case "x": pod.spec.containers: expected a list, got the number 1`},
		"an unknown field":                {head + "cases:\n- name: x\n  annotation: {}\n", `line 6: unknown field "annotation"; did you mean "annotations"?`},
		"a list for a string":             {head + "cases:\n- name: [x]\n", `line 5: must be a string`},
		"a string for a list":             {head + "cases: x\n", `line 4: must be a list`},
		"a policy":                        {"apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {}\n", `apiVersion "pillion.dev/v1alpha1", kind "InjectionPolicy": must be pillion.dev/v1alpha1, PolicyTest`},
		"another kind":                    {"apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\ncases: [{name: x, want: {result: Skipped}}]\n", `apiVersion "pillion.dev/v1alpha1", kind "InjectionPolicy": must be pillion.dev/v1alpha1, PolicyTest`},
		"no cases":                        {head, "cases: there is none, so nothing would be tested"},
		"a case without":                  {head + "cases: [{}]\n", "cases[0].name: is missing; say in a sentence what is expected\ncases[0]: want.result: is missing; it is one of Denied, Injected, Skipped, Unchanged"},
		"a name twice":                    {head + "cases: [{name: x, want: {result: Denied}}, {name: x, want: {result: Denied}}]\n", `case "x": the name is there twice`},
		"a result of none":                {head + "cases: [{name: x, want: {result: Failed}}]\n", `case "x": want.result: "Failed" is none; it is one of Denied, Injected, Skipped, Unchanged`},
		"a mistyped reason":               {head + "cases: [{name: x, want: {result: Denied, reason: PathConfict}}]\n", `case "x": want.reason: there is no reason "PathConfict"; did you mean "PathConflict"?`},
		"a file and a pod":                {head + "cases: [{name: x, file: a.yaml, annotations: {a: b}, want: {result: Denied}}]\n", `case "x": file: a manifest is taken as it is; remove pod and annotations, or file`},
		"a pod without spec":              {head + "cases: [{name: x, pod: {metadata: {}}, want: {result: Denied}}]\n", `case "x": pod: must be a whole pod, with a spec`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.text))
			if err == nil {
				t.Fatal("it was taken")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// ran runs one case under a policy that allows git-poller.
func ran(t *testing.T, body string) Outcome {
	t.Helper()
	p, err := policy.Parse([]byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec:\n  helpers:\n    git-poller: {options: {period: {default: 2m, min: 30s}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse([]byte(head + "cases:\n- name: x\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	deployment, _ := admission.TemplateOf("Deployment")
	r := Runner{Injector: inject.Injector{Version: "v1"}, Policy: p, Objects: func(file string) ([]Object, error) {
		if file == "none.yaml" {
			return nil, nil
		}
		if file != "two.yaml" {
			return nil, errors.New("no such file")
		}
		return []Object{
			{Name: "Pod/a", Document: []byte(`{"spec":{"containers":[{"name":"a"}]}}`)},
			{Name: "Deployment/b", At: deployment, Document: []byte(`{"spec":{"template":{"metadata":{"annotations":{"pillion.dev/x":""}},"spec":{"containers":[{"name":"b"}]}}}}`)},
		}, nil
	}}
	all, err := r.Run(f)
	if err != nil {
		return Outcome{Differences: []string{err.Error()}}
	}
	if len(all) != 1 || all[0].Name != "x" || all[0].Passed != (len(all[0].Differences) == 0) {
		t.Fatalf("got %+v", all)
	}
	return all[0]
}

func TestRun(t *testing.T) {
	t.Parallel()
	const good = "  annotations: {git-poller.pillion.dev/repo: 'https://github.com/a/b', git-poller.pillion.dev/mount-path: /html, docs.git-poller.pillion.dev/repo: 'https://github.com/a/b', docs.git-poller.pillion.dev/mount-path: /docs}\n"
	const bad = "  annotations: {git-poller.pillion.dev/repo: 'https://github.com/a/b', git-poller.pillion.dev/period: 5s}\n"
	for name, c := range map[string]struct {
		body string
		want []string // beginnings
	}{
		"what is expected passes":            {good + "  want: {result: Injected, reason: Requested, helpers: [git-poller, docs.git-poller], values: {docs.git-poller.pillion.dev/period: 2m}}\n", nil},
		"what is left out is not compared":   {good + "  want: {result: Injected}\n", nil},
		"another result":                     {good + "  want: {result: Denied, reason: PathConflict}\n", []string{"the result is Injected (Requested), not Denied"}},
		"another reason":                     {bad + "  want: {result: Denied, reason: PathConflict}\n", []string{"the reason is MissingOption, not PathConflict: 2 problems with"}},
		"any reason of a denial counts":      {bad + "  want: {result: Denied, reason: ValueNotAllowed}\n", nil},
		"a part of the denial":               {bad + "  want: {result: Denied, message: the minimum is 30s}\n", nil},
		"what the denial does not say":       {bad + "  want: {result: Denied, message: the maximum}\n", []string{`the denial does not say "the maximum": 2 problems with`}},
		"other helpers":                      {good + "  want: {result: Injected, helpers: [git-poller]}\n", []string{"the helpers are [docs.git-poller, git-poller], not [git-poller]"}},
		"no helpers":                         {good + "  want: {result: Injected, helpers: []}\n", []string{"the helpers are [docs.git-poller, git-poller], not []"}},
		"another value":                      {good + "  want: {result: Injected, values: {git-poller.pillion.dev/period: 1m}}\n", []string{`git-poller.pillion.dev/period is "2m", not "1m"`}},
		"a pod of its own, and annotations":  {"  pod: {spec: {hostNetwork: true, containers: [{name: a}]}}\n" + good + "  want: {result: Denied, reason: HostNetwork}\n", nil},
		"annotations go on top of the pod's": {"  pod: {metadata: {annotations: {pillion.dev/x: ''}}, spec: {containers: [{name: a}]}}\n" + good + "  want: {result: Denied, reason: UnknownAnnotation}\n", nil},
		"every object of a manifest counts":  {"  file: two.yaml\n  want: {result: Skipped}\n", []string{"Deployment/b: the result is Denied (UnknownAnnotation), not Skipped: spec.template.metadata.annotations[pillion.dev/x]"}},
		"a manifest that is missing":         {"  file: three.yaml\n  want: {result: Skipped}\n", []string{`case "x": no such file`}},
		"a manifest without pods":            {"  file: none.yaml\n  want: {result: Skipped}\n", []string{`case "x": there is no pod in none.yaml, and nothing that makes pods`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ran(t, c.body).Differences
			for i, want := range c.want {
				if i < len(got) && strings.HasPrefix(got[i], want) {
					got[i] = want
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAKeyOfNoOptionIsAMistake(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {helpers: {git-poller: {resources: {memory: {max: 1Gi}}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse([]byte(head + "cases: [{name: x, want: {result: Skipped, values: {a.git-poller.pillion.dev/memory: 1Mi, git-poller.pillion.dev/perod: 1m, git-poller.pillion.dev/cpu: 1m, log.pillion.dev/a: b}}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Runner{Policy: p}).Run(f)
	want := "case \"x\": want.values: \"git-poller.pillion.dev/cpu\" is not the key of an option\n" +
		"case \"x\": want.values: \"git-poller.pillion.dev/perod\" is not the key of an option\n" +
		"case \"x\": want.values: \"log.pillion.dev/a\" is not the key of an option"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
