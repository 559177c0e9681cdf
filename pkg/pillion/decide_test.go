// SPDX-License-Identifier: Apache-2.0

package pillion_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

// Offline, over HTTP and decoded by somebody else: one pod has one answer.
func TestEveryWayGivesTheSameAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range goldenPods(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, c.json)
			served := answer(t, post(t, pillion.Handler(c.policy), "/inject/"+c.policy.Name(), review(t, r)))
			reviewed, ops, err := pillion.NewReviewer(pillion.Options{}, c.policy).Review(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(served, reviewed); diff != "" {
				t.Errorf("the reviewer answers otherwise than the handler (-handler +reviewer):\n%s", diff)
			}
			d, err := c.policy.Decide(c.json)
			if err != nil {
				t.Fatal(err)
			}
			if denied := d.Result == pillion.Denied; denied == served.Allowed || denied && d.Message != served.Result.Message {
				t.Errorf("decided %s, %q; served %v, %v", d.Result, d.Message, served.Allowed, served.Result)
			}
			if diff := cmp.Diff(served.Warnings, d.Warnings); diff != "" {
				t.Errorf("warnings (-served +decided):\n%s", diff)
			}
			if d.Reason != served.AuditAnnotations["reason"] {
				t.Errorf("reason %s, served %s", d.Reason, served.AuditAnnotations["reason"])
			}
			for what, patch := range map[string]any{"decision": d.Patch, "reviewer": ops} {
				text, err := json.Marshal(patch)
				if err != nil {
					t.Fatal(err)
				}
				if string(text) == "null" {
					text = nil
				}
				if !jsonpatch.Equal(text, served.Patch) && !(text == nil && served.Patch == nil) { //nolint:staticcheck // it reads as it is said
					t.Errorf("the %s's operations are %s\nserved were %s", what, text, served.Patch)
				}
			}
			checkObject(t, c.json, d)
		})
	}
}

// checkObject holds the patched object against what another library makes of the operations.
func checkObject(t *testing.T, before []byte, d *pillion.Decision) {
	t.Helper()
	want := before
	if len(d.Patch) > 0 {
		text, err := json.Marshal(d.Patch)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(text)
		if err != nil {
			t.Fatal(err)
		}
		if want, err = patch.Apply(before); err != nil {
			t.Fatal(err)
		}
	}
	if !jsonpatch.Equal(want, d.Object) {
		t.Errorf("the object is %s\nthe patch gives %s", d.Object, want)
	}
}

const template = `metadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}, spec: {containers: [{name: web, image: nginx}]}`

func TestDecideReadsWhatMakesPods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ apiVersion, kind, before, after string }{
		{"v1", "Pod", "", ""},
		{"v1", "ReplicationController", "spec: {template: {", "}}"},
		{"apps/v1", "Deployment", "spec: {template: {", "}}"},
		{"apps/v1", "StatefulSet", "spec: {template: {", "}}"},
		{"apps/v1", "DaemonSet", "spec: {template: {", "}}"},
		{"apps/v1", "ReplicaSet", "spec: {template: {", "}}"},
		{"batch/v1", "Job", "spec: {template: {", "}}"},
		{"batch/v1", "CronJob", "spec: {jobTemplate: {spec: {template: {", "}}}}"},
	} {
		t.Run("a "+tt.kind, func(t *testing.T) {
			t.Parallel()
			yaml := "{apiVersion: " + tt.apiVersion + ", kind: " + tt.kind + ", " + tt.before + template + tt.after + "}"
			d, err := pillion.Builtin().Decide([]byte(yaml))
			if err != nil {
				t.Fatal(err)
			}
			want := []pillion.Helper{{Name: "date-writer", Container: "pillion-date-writer", Volumes: []string{"pillion-date-writer", "pillion-no-token"}, Containers: []string{"web"}, Reason: "Requested"}}
			if diff := cmp.Diff(want, d.Helpers); diff != "" || d.Result != pillion.Injected {
				t.Errorf("%s %s, helpers (-want +got):\n%s", d.Result, d.Message, diff)
			}
			again, err := pillion.Builtin().Decide(d.Object)
			if err != nil || again.Result != pillion.Unchanged || len(again.Patch) > 0 || string(again.Object) != string(d.Object) {
				t.Errorf("a second decision is %+v, %v; want Unchanged", again, err)
			}
		})
	}
}

func TestDecideSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const pod = `{apiVersion: v1, kind: Pod, ` + template + `}`
	for _, tt := range []struct{ name, input, want string }{
		{"nothing", "", "the input has no object"},
		{"comments alone", "# later\n---\n", "the input has no object"},
		{"two objects", pod + "\n---\n" + pod, "the input has more than one object; decide on them one by one"},
		{"a list", "[1]", "the input is not a Kubernetes object: it must be a mapping with apiVersion and kind"},
		{"a Service", "{apiVersion: v1, kind: Service}", `got apiVersion "v1", kind "Service"; expected one of v1 [Pod ReplicationController], apps/v1 [Deployment StatefulSet DaemonSet ReplicaSet], batch/v1 [Job CronJob]`},
		{"a Deployment of another group", "{apiVersion: acme.example/v1, kind: Deployment}", `got apiVersion "acme.example/v1", kind "Deployment"; expected one of`},
		{"a key twice", "apiVersion: v1\nkind: Pod\nkind: Pod", `reading YAML: yaml: unmarshal errors`},
		{"a Deployment without a template", "{apiVersion: apps/v1, kind: Deployment, spec: {}}", "deciding on the Deployment: reading spec.template: "},
		{"containers that are no list", "{apiVersion: v1, kind: Pod, spec: {containers: 5}}", "deciding on the Pod: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := pillion.Builtin().Decide([]byte(tt.input))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an error that begins %q", d, err, tt.want)
			}
		})
	}
}

func TestDecideReadsManifestsAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	const pod = `{apiVersion: v1, kind: Pod, ` + template + `}`
	for name, input := range map[string]string{
		"an empty document before and after": "---\n# mine\n---\n" + pod + "\n---\n",
		"a merged key that is overridden":    "x: &x {image: old, name: web}\napiVersion: v1\nkind: Pod\nmetadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}\nspec: {containers: [{<<: *x, image: nginx}]}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := pillion.Builtin().Decide([]byte(input))
			if err != nil || d.Result != pillion.Injected {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}

	t.Run("JSON keeps each byte that the patch does not touch", func(t *testing.T) {
		t.Parallel()
		const before = `{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"date-writer.pillion.dev/mount-path":"/html"}},` +
			`"spec":{"future":{"n":1.50, "b":[ ]},"containers":[{"name":"web","image":"nginx"}]}}`
		d, err := pillion.Builtin().Decide([]byte(before))
		if err != nil || !strings.Contains(string(d.Object), `"future":{"n":1.50, "b":[ ]}`) {
			t.Errorf("got %s, %v", d.Object, err)
		}
	})
}

// Nobody reads such annotations, so nothing happens, which somebody has to say.
func TestDecideWarnsOfAnnotationsInTheWrongPlace(t *testing.T) {
	t.Parallel()
	d, err := pillion.Builtin().Decide([]byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {annotations: {date-writer.pillion.dev/mount-path: /html}}
spec: {template: {spec: {containers: [{name: web, image: nginx}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"pillion: date-writer.pillion.dev/mount-path does nothing on the Deployment itself; move to",
		"pillion:   spec.template.metadata.annotations",
	}
	if diff := cmp.Diff(want, d.Warnings); diff != "" || d.Result != pillion.Skipped {
		t.Errorf("%s, warnings (-want +got):\n%s", d.Result, diff)
	}
}
