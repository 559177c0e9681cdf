// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const valuesWithMistakes = `replicas: 3
policies:
  default:
    hostNetwork: true
    helpers:
      git-poller:
        options:
          period: {mim: 30s}
          depth: {max: many}
      log-shipper: {}
  web:
    helpers: {date-writer: {options: {file: {alow: [a]}}}, prxy: {}}
helpers:
  log-shipper:
    description: Ships logs.
    run: Sidecar
    containr: {image: registry.acme.example/a:1}
`

const valuesThatAreRight = `helperImage: registry.acme.example/helper:v9
policies:
  web:
    helpers: {date-writer: {}, page: {}}
  bare: {helpers: {}}
helpers:
  page:
    description: Writes a page.
    run: Init
    options: [{name: text, type: string, required: true, example: hello, description: What it says.}]
    container:
      image: registry.acme.example/page:1
      args: [{option: text}]
      resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 32Mi}}
`

// renderedPolicies is what helm template makes of a policy, among other manifests.
const renderedPolicies = `---
# Source: pillion/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: pillion-webhook
---
# Source: pillion/templates/policies.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: pillion-policies-0123456789
immutable: true
data:
  web.json: |
    {
      "apiVersion": "pillion.dev/v1alpha1",
      "kind": "InjectionPolicy",
      "metadata": {
        "name": "web"
      },
      "spec": {
        "helpers": {
          "date-writer": {}
        }
      }
    }
`

func TestLintReadsPoliciesWhereverAChartHasThem(t *testing.T) {
	t.Parallel()
	dir := manifests(t, map[string]string{
		"values.yaml": valuesWithMistakes, "right.yaml": valuesThatAreRight, "rendered.yaml": renderedPolicies, "wrong.yaml": strings.Replace(renderedPolicies, `"date-writer": {}`, `"date-writter": {}`, 1),
		"quoted.yaml": "kind: ConfigMap\ndata:\n  a: b\n  web.yaml: \"kind: InjectionPolicy\\nspec: {hlpers: {}}\"\n", "none.yaml": "replicas: 3\npolicies: {}\n",
		"chart/Chart.yaml": "apiVersion: v2\nname: x\n", "chart/values.yaml": "replicas: 3\n", "chart/values-web.yaml": "policies: {web: {helpers: {ipc: {}}}}\n", "chart/values-shop.yaml": "policies: {web: {helpers: {start: {}}}}\n",
	})
	for name, c := range map[string]struct {
		file string
		code int
		want string
	}{
		"values with mistakes": {"values.yaml", exitRefused, `✗ values.yaml
  ✗ line 4: policies[default].hostNetwork: expected a string, got a boolean, true; put it into quotes
  ✗ line 8: policies[default].helpers[git-poller].options[period]: unknown field "mim"; did you mean "min"?
✗ values.yaml
  ✗ line 12: policies[web].helpers[date-writer].options[file]: unknown field "alow"; did you mean "allow"?
✗ values.yaml
  ✗ line 17: helpers[log-shipper]: unknown field "containr"; did you mean "container"?
`},
		"values without mistakes": {"right.yaml", exitOK, `✓ right.yaml: policy "web", HASH, allows date-writer, page
✓ right.yaml: policy "bare", HASH, allows nothing
  ! line 5: policies[bare].helpers: no helper is listed, so none is allowed
✓ right.yaml: helper "page"
`},
		"a rendered ConfigMap":                        {"rendered.yaml", exitOK, "✓ rendered.yaml: policy \"web\", HASH, allows date-writer\n"},
		"a rendered ConfigMap with a mistake":         {"wrong.yaml", exitRefused, "✗ wrong.yaml\n  ✗ line 24: spec.helpers[date-writter]: there is no date-writter; the helpers of this version are …\n"},
		"a ConfigMap without the lines of the policy": {"quoted.yaml", exitRefused, "✗ quoted.yaml\n  ✗ line 4: spec: unknown field \"hlpers\"; did you mean \"helpers\"?\n"},
		"a directory with a chart": {"chart", exitOK, `- chart/Chart.yaml: a file without a kind, passed over
✓ chart/values-shop.yaml: policy "web", HASH, allows start
✓ chart/values-web.yaml: policy "web", HASH, allows ipc
- chart/values.yaml: a file without a kind, passed over
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.ReplaceAll(said(t, c.code, "", "policy", "lint", dir+"/"+c.file), dir+"/", "")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("values without policies are no policy", func(t *testing.T) {
		t.Parallel()
		r := call("", "policy", "lint", dir+"/none.yaml")
		if r.code != exitFailed || r.out != "" || !strings.Contains(r.errOut, `none.yaml has no policy and no helper: as values of the chart it has no "policies: {NAME: SPEC}", so the built-in policy applies`) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("standard input", func(t *testing.T) {
		t.Parallel()
		if r := call(renderedPolicies, "policy", "lint", "-"); r.code != exitOK || !strings.HasPrefix(r.out, "✓ standard input: policy \"web\"") {
			t.Errorf("got %+v", r)
		}
	})
}

// The chart's own values are policies of this version.
func TestTheValuesOfTheChartAreLinted(t *testing.T) {
	t.Parallel()
	r := call("", "policy", "lint", "../../charts/pillion")
	if r.code != exitOK || !strings.Contains(r.out, `values-production.yaml: policy "default"`) {
		t.Errorf("got %+v", r)
	}
}

func TestPoliciesOfValuesApply(t *testing.T) {
	t.Parallel()
	dir := manifests(t, map[string]string{
		"right.yaml": valuesThatAreRight, "wrong.yaml": valuesWithMistakes, "rendered.yaml": renderedPolicies,
		"test.yaml":      "apiVersion: pillion.dev/v1alpha1\nkind: PolicyTest\npolicy: rendered.yaml\ncases:\n- {name: a, annotations: {date-writer.pillion.dev/mount-path: /a}, want: {result: Injected}}\n",
		"ambiguous.yaml": "apiVersion: pillion.dev/v1alpha1\nkind: PolicyTest\npolicy: right.yaml\ncases:\n- {name: a, want: {result: Skipped}}\n",
	})
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pillion.dev/policy: web}}\n---\n"
	pod := strings.Replace(podOf("Pod", "v1", "page.pillion.dev/text: hi"), "  name: web\n", "  name: web\n  namespace: shop\n", 1)
	t.Run("a namespace picks one, with the helpers and the image of the values", func(t *testing.T) {
		t.Parallel()
		both := strings.Replace(pod, "    page", "    date-writer.pillion.dev/mount-path: /a\n    page", 1)
		got := injected(t, namespace+both, "--policy", dir+"/right.yaml")
		if !strings.Contains(got, "image: registry.acme.example/page:1") || !strings.Contains(got, "image: registry.acme.example/helper:v9") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("no label is the built-in policy, as the chart adds it", func(t *testing.T) {
		t.Parallel()
		got := injected(t, podOf("Pod", "v1"), "--policy", dir+"/right.yaml")
		if !strings.Contains(got, "image: registry.acme.example/helper:v9") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("the only one applies to all", func(t *testing.T) {
		t.Parallel()
		r := call(podOf("Pod", "v1", "ipc.pillion.dev/process: \"true\""), "explain", "-f", "-", "--policy", dir+"/rendered.yaml")
		if r.code != exitRefused || !strings.Contains(r.out, `policy "web" does not allow ipc`) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("mistakes have their lines", func(t *testing.T) {
		t.Parallel()
		r := call(pod, "diff", "-f", "-", "--policy", dir+"/wrong.yaml")
		if r.code != exitFailed || !strings.Contains(r.errOut, "policy file "+dir+"/wrong.yaml: line 4: spec.hostNetwork: expected a string") || !strings.Contains(r.errOut, "helper file "+dir+"/wrong.yaml: line 17: ") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a table tests the only one", func(t *testing.T) {
		t.Parallel()
		said(t, exitOK, "", "policy", "test", dir+"/test.yaml")
		if r := call("", "policy", "test", dir+"/ambiguous.yaml"); r.code != exitFailed || !strings.Contains(r.errOut, "right.yaml has more than one policy; name a file with one") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("helpers tells of them", func(t *testing.T) {
		t.Parallel()
		if got := said(t, exitOK, "", "helpers", "page", "--policy", dir+"/right.yaml"); !strings.Contains(got, "page.pillion.dev/text") {
			t.Errorf("got\n%s", got)
		}
	})
}

// What lint says of a policy in values is what it says of the same policy as the chart renders it.
func TestThePolicyOfValuesHasTheHashOfTheRenderedOne(t *testing.T) {
	t.Parallel()
	dir := manifests(t, map[string]string{"values.yaml": "policies:\n  web: {helpers: {date-writer: {}}}\n", "rendered.yaml": renderedPolicies})
	var hashes []string
	for _, file := range []string{"values.yaml", "rendered.yaml"} {
		var all []linted
		if err := json.Unmarshal([]byte(call("", "policy", "lint", dir+"/"+file, "-o", "json").out), &all); err != nil || len(all) != 1 {
			t.Fatalf("%v: %+v", err, all)
		}
		hashes = append(hashes, all[0].Hash)
	}
	if hashes[0] != hashes[1] || hashes[0] == "" {
		t.Errorf("got %q", hashes)
	}
}
