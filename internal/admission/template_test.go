// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/policy"
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
		"PodTemplate":           "template",
	} {
		if at, ok := TemplateOf(kind); !ok || at.Path().String() != path && path != "" {
			t.Errorf("%s has its pods at %q, %v; want %q", kind, at.Path(), ok, path)
		}
	}
	for _, kind := range []string{"", "pod", "Rollout", "ConfigMap", "List"} {
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
		"a string for the spec":           {deployment, `{"spec":"x"}`, "", "reading spec.template: "},
		"a document that ends in mid-air": {deployment, `{"spec":{`, "", "reading spec: "},
		"a list of items that is none":    {second, `{"items":[1,]}`, "", "reading items: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.at.Find([]byte(c.document))
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
	pod, err := pod.Decode([]byte(`{"metadata":{"annotations":{"pillion.dev/a":"1","pillion.dev/a":"2"}},"spec":{"hostNetwork":true,"hostNetwork":false,"containers":[{"name":"x","name":"y"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := pod.Metadata.Annotations["pillion.dev/a"] + pod.Spec.Containers[0].Name; got != "2y" || pod.Spec.HostNetwork {
		t.Errorf("got %s, hostNetwork %v", got, pod.Spec.HostNetwork)
	}
}

// Kinds as the projects document them, cut to what leads to their pods.
func TestTemplatesAreFoundByTheirShape(t *testing.T) {
	t.Parallel()
	const spec = `{"spec":{"containers":[{"name":"web","image":"i"}]}}`
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"an Argo Rollout":                     {`{"spec":{"replicas":1,"strategy":{"canary":{"steps":[{"setWeight":20}]}},"template":` + spec + `}}`, []string{"spec.template"}},
		"an Argo Rollout of another workload": {`{"spec":{"workloadRef":{"kind":"Deployment","name":"web"}}}`, nil},
		"a Knative Service":                   {`{"spec":{"template":{"spec":{"containers":[{"image":"ghcr.io/acme/site"}]}}}}`, []string{"spec.template"}},
		"a JobSet":                            {`{"spec":{"replicatedJobs":[{"name":"a","template":{"spec":{"template":` + spec + `}}},{"name":"b","template":{"spec":{"template":` + spec + `}}}]}}`, []string{"spec.replicatedJobs[0].template.spec.template", "spec.replicatedJobs[1].template.spec.template"}},
		"a LeaderWorkerSet":                   {`{"spec":{"leaderWorkerTemplate":{"leaderTemplate":` + spec + `,"workerTemplate":` + spec + `}}}`, []string{"spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"}},
		"an AdvancedCronJob of Kruise":        {`{"spec":{"template":{"jobTemplate":{"spec":{"template":` + spec + `}}}}}`, []string{"spec.template.jobTemplate.spec.template"}},
		"a UnitedDeployment of Kruise":        {`{"spec":{"template":{"statefulSetTemplate":{"spec":{"template":` + spec + `}}}}}`, []string{"spec.template.statefulSetTemplate.spec.template"}},
		"a PyTorchJob":                        {`{"spec":{"pytorchReplicaSpecs":{"Master":{"template":` + spec + `},"Worker":{"template":` + spec + `}}}}`, []string{"spec.pytorchReplicaSpecs.Master.template", "spec.pytorchReplicaSpecs.Worker.template"}},
		"a RayCluster":                        {`{"spec":{"headGroupSpec":{"template":` + spec + `},"workerGroupSpecs":[{"template":` + spec + `}]}}`, []string{"spec.headGroupSpec.template", "spec.workerGroupSpecs[0].template"}},
		"a FlinkDeployment":                   {`{"spec":{"podTemplate":` + spec + `,"taskManager":{"podTemplate":` + spec + `}}}`, []string{"spec.podTemplate", "spec.taskManager.podTemplate"}},
		"a Pod":                               {spec, nil},
		"a SidecarSet, whose containers are not a pod": {`{"spec":{"selector":{},"containers":[{"name":"log","image":"i"}]}}`, nil},
		"a policy about pods":                          {`{"spec":{"rules":[{"validate":{"pattern":{"spec":{"containers":[{"name":"*","image":"*"}]}}}}]}}`, nil},
		"a policy about templates":                     {`{"spec":{"rules":[{"mutate":{"patchStrategicMerge":{"spec":{"template":{"spec":{"containers":[{"(name)":"*"}]}}}}}}]}}`, nil},
		"the schema of a kind":                         {`{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"properties":{"template":{"properties":{"spec":{"properties":{"containers":{"type":"array"}}}}}}}}}]}}`, nil},
		"what an apply has left":                       {`{"metadata":{"template":` + spec + `},"status":{"template":` + spec + `}}`, nil},
		"a template without containers":                {`{"spec":{"template":{"spec":{"containers":[]}}}}`, nil},
		"a ConfigMap with a manifest":                  {`{"data":{"template":"{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}"}}`, nil},
		"a string":                                     {`"spec"`, nil},
		"a document that breaks off":                   {`{"spec":{"template":{"spec":{"containers":[{"name":"a"`, nil},
		"one that breaks off behind a template":        {`{"spec":{"template":` + spec + `,`, []string{"spec.template"}},
		"one that is deeper than any":                  {strings.Repeat(`{"template":`, 40) + spec + strings.Repeat(`}`, 40), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, at := range TemplatesIn([]byte(c.object)) {
				got = append(got, at.Path().String())
				if _, err := at.Find([]byte(c.object)); err != nil && !strings.Contains(name, "breaks off") {
					t.Errorf("%s is not found again: %v", at.Path(), err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTemplatesOfOneObjectAreBounded(t *testing.T) {
	t.Parallel()
	object := `{"spec":{"list":[` + strings.TrimSuffix(strings.Repeat(`{"template":{"spec":{"containers":[{"name":"a"}]}}},`, 10_000), ",") + `]}}`
	if got := len(TemplatesIn([]byte(object))); got != maxTemplates {
		t.Errorf("%d are found", got)
	}
}

// The list of containers can be there many times, and each of them would be a template.
func TestTemplatesWithManyListsAreBounded(t *testing.T) {
	t.Parallel()
	object := `{"spec":{"template":{"spec":{` + strings.TrimSuffix(strings.Repeat(`"containers":[{"name":"a"}],`, 10_000), ",") + `}}}}`
	if got := len(TemplatesIn([]byte(object))); got > maxTemplates {
		t.Errorf("%d are found", got)
	}
}

// One view has a limit, and so have those of all templates of an object together.
func TestTheViewsOfAllTemplatesHaveOneLimit(t *testing.T) {
	t.Parallel()
	template := func(containers int) string {
		return `{"template":{"spec":{"initContainers":[` + strings.TrimSuffix(strings.Repeat("{},", containers), ",") + `],"containers":[{"name":"a"}]}}}`
	}
	object := func(containers int) []byte {
		return []byte(`{"spec":{"list":[` + strings.TrimSuffix(strings.Repeat(template(containers)+",", 30), ",") + `]}}`)
	}
	if _, err := decodeWorkload(policy.Builtin().Known, object(100), "Many"); err != nil {
		t.Errorf("3,000 containers: %v", err)
	}
	if _, err := decodeWorkload(policy.Builtin().Known, object(10_000), "Many"); err == nil || !strings.Contains(err.Error(), "more elements than are read") {
		t.Errorf("300,000 containers in 30 templates: %v; want them to be too many", err)
	}
}
