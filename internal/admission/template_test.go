// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

func TestTemplateOf(t *testing.T) {
	t.Parallel()
	for kind, path := range map[string]string{
		"Pod":                   "",
		"Deployment":            "spec.template",
		"StatefulSet":           "spec.template",
		"DaemonSet":             "spec.template",
		"ReplicaSet":            "spec.template",
		"ReplicationController": "spec.template",
		"Job":                   "spec.template",
		"CronJob":               "spec.jobTemplate.spec.template",
	} {
		if at, ok := TemplateOf(kind); !ok || at.Path().String() != path && path != "" {
			t.Errorf("%s has its pods at %q, %v; want %q", kind, at.Path(), ok, path)
		}
	}
	for _, kind := range []string{"", "pod", "PodTemplate", "ConfigMap", "List"} {
		if at, ok := TemplateOf(kind); ok {
			t.Errorf("%q has pods at %q", kind, at.Path())
		}
	}
}

func TestTemplateInAList(t *testing.T) {
	t.Parallel()
	at, _ := TemplateOf("Deployment")
	third, pod := at.In("items", "3"), Template{}.In("items", "0")
	if got := third.Path().String(); got != "items[3].spec.template" {
		t.Errorf("the path is %s", got)
	}
	if got := third.pointer(); got != "/items/3/spec/template" {
		t.Errorf("the pointer is %s", got)
	}
	if got := pod.pointer(); got != "/items/0" {
		t.Errorf("the pointer is %s", got)
	}
	if got := at.pointer(); got != "/spec/template" {
		t.Errorf("In changed what it was called on: %s", got)
	}
}

func TestFindingATemplate(t *testing.T) {
	t.Parallel()
	deployment, _ := TemplateOf("Deployment")
	second := deployment.In("items", "1")
	for name, c := range map[string]struct {
		at             Template
		document, want string
		err            string
	}{
		"a pod is its whole document":     {Template{}, `{"kind":"Pod"}`, `{"kind":"Pod"}`, ""},
		"a template is found":             {deployment, `{"spec":{"template":{"a":1.0}}}`, `{"a":1.0}`, ""},
		"an item is found":                {second, `{"items":[{},{"spec":{"template":{}}}]}`, `{}`, ""},
		"no template":                     {deployment, `{"spec":{}}`, "", "reading spec.template: it is absent"},
		"no spec":                         {deployment, `{}`, "", "reading spec: it is absent"},
		"too few items":                   {second, `{"items":[{}]}`, "", "reading items[1]: it is absent"},
		"a list for the spec":             {deployment, `{"spec":[]}`, "", "reading spec.template: it is absent"},
		"a text for the spec":             {deployment, `{"spec":"x"}`, "", "reading spec.template: "},
		"a document that ends in mid-air": {deployment, `{"spec":{`, "", "reading spec: "},
		"a list of items that is none":    {second, `{"items":[1,]}`, "", "reading items: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.at.find([]byte(c.document))
			if string(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got %s, %v; want %s, %s", got, err, c.want, c.err)
			}
		})
	}
}

// The API server writes each key once. Should somebody else write one twice, the last
// counts, as for the API server's own decoder.
func TestOfAKeyThatIsThereTwiceInAPodTheLastCounts(t *testing.T) {
	t.Parallel()
	pod, err := pod.Decode([]byte(`{"metadata":{"annotations":{"a":"1","a":"2"}},"spec":{"hostNetwork":true,"hostNetwork":false,"containers":[{"name":"x","name":"y"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := pod.Metadata.Annotations["a"] + pod.Spec.Containers[0].Name; got != "2y" || pod.Spec.HostNetwork {
		t.Errorf("got %s, hostNetwork %v", got, pod.Spec.HostNetwork)
	}
}
