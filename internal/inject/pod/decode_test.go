// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// everyField is a pod that has all of the view.
const everyField = `{"metadata":{"generateName":"web-","annotations":{"a":"b","a.pillion.dev/c\u002f":"\"d\""}},"spec":{` +
	`"initContainers":[],"containers":[{"name":"web","restartPolicy":"Always","command":["a","\u0062"],` +
	`"volumeMounts":[{"name":"v","mountPath":"/v","readOnly":true,"subPath":"s","subPathExpr":"e","mountPropagation":"None"}],` +
	`"volumeDevices":[{"name":"d","devicePath":"/d"}],"ports":[{"name":"p","containerPort":80,"protocol":"TCP"}],"env":[{"name":"E","value":"v"}],` +
	`"resources":{"limits":{"cpu":"1","memory":" 1Gi "},"requests":{"cpu":0.5,"a":null},"claims":[{"name":"c"}]},` +
	`"terminationMessagePath":"/t","livenessProbe":{"exec":{}},"startupProbe":{},"lifecycle":{"postStart":{}},"securityContext":{"runAsUser":1}}],` +
	`"volumes":[{"name":"v","emptyDir":{"medium":"Memory","sizeLimit":"1Mi"},"configMap":{},"secret":{},"projected":{},"downwardAPI":{},"image":{},` +
	`"persistentVolumeClaim":{"readOnly":true},"nfs":{"readOnly":true},"csi":{"readOnly":true}}],` +
	`"imagePullSecrets":[{"name":"s"}],"nodeSelector":{"k":"v"},"nodeName":"n","os":{"name":"linux"},` +
	`"hostNetwork":true,"hostPID":true,"hostIPC":true,"restartPolicy":"Never","runtimeClassName":"r",` +
	`"securityContext":{"runAsUser":1,"fsGroup":2,"supplementalGroups":[3],"sysctls":[{"name":"a","value":"b"}],"appArmorProfile":{"type":"Localhost","localhostProfile":"p"}},` +
	`"resources":{"limits":{"cpu":"2"}},"shareProcessNamespace":true,"terminationGracePeriodSeconds":5}}`

// FuzzViewIsWhatItsTagsSay holds the decoding by hand against jsonv2's, which goes by the
// tags of the view: the same view, or the same error. (Of what is not JSON, which no review
// can hold, each may say it in its own words.)
func FuzzViewIsWhatItsTagsSay(f *testing.F) {
	goldens, err := filepath.Glob("../../admission/testdata/*/pod.yaml")
	if err != nil || len(goldens) == 0 {
		f.Fatalf("no golden pods: %v", err)
	}
	for _, path := range goldens {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := yaml.YAMLToJSON(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, pod := range []string{
		everyField, "", " ", "{}", "null", "[]", `"pod"`, "{}{}", "{} x", `{"spec":`, `{1:2}`, "\xff", `{"\ud800":1}`,
		`{"spec":{"containers":[null,{}],"volumes":[null],"initContainers":null}}`,
		`{"spec":{"containers":[{"name":"a","name":"b","command":["a"],"command":[]}],"containers":[{"resources":{}}],"spec":1}}`,
		`{"metadata":{"annotations":{"a":"b"},"annotations":{"c":"d","a":null}},"metadata":{"annotations":null}}`,
		`{"Spec":1,"spec":{"HostNetwork":1,"hostNetwork":"true"}}`, `{"spec":{"hostNetwork":1,"hostPID":null}}`,
		`{"spec":{"containers":[{"resources":{"limits":{"cpu":"1\u0030"}}}]}}`, `{"spec":{"containers":[{"resources":{"limits":{"cpu":{}}}}]}}`,
		`{"spec":{"containers":[{"livenessProbe":[]}]}}`, `{"spec":{"containers":[{"livenessProbe":{"a":[}}}]}}`,
	} {
		f.Add([]byte(pod))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want Pod
		wantErr := jsonv2.Unmarshal(raw, &want, jsonscan.AllowDuplicates)
		got, err := Decode(raw)
		if !jsontext.Value(raw).IsValid(jsonscan.AllowDuplicates) && wantErr != nil && err != nil {
			return
		}
		if wantErr != nil || err != nil {
			if text := fmt.Sprint(fmt.Errorf("decoding the pod: %w", jsonscan.WithoutValue(wantErr))); wantErr == nil || err == nil || err.Error() != text {
				t.Fatalf("jsonv2: %v\nby hand: %v", wantErr, err)
			}
			return
		}
		maps.DeleteFunc(want.Metadata.Annotations, func(key, _ string) bool { return !DecidedOn([]byte(key)) })
		if diff := diffOfViews(&want, got); diff != "" {
			t.Errorf("(-jsonv2 +by hand):\n%s", diff)
		}
	})
}

// The pod that the fuzz test begins with has all of the view, so that a field which one of
// the two does not know is found.
func TestEveryFieldOfTheViewIsRead(t *testing.T) {
	t.Parallel()
	p, err := Decode([]byte(everyField))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []any{p.Spec, p.Spec.Containers[0], p.Spec.Containers[0].VolumeMounts[0], p.Spec.Volumes[0], *p.Spec.SecurityContext} {
		for name, zero := range zeroFields(part) {
			if zero && name != "Raw" {
				t.Errorf("%T: %s is not read", part, name)
			}
		}
	}
}

// zeroFields tells of each field of a struct whether it has nothing.
func zeroFields(part any) map[string]bool {
	v := reflect.ValueOf(part)
	zero := map[string]bool{}
	for i := range v.NumField() {
		zero[v.Type().Field(i).Name] = v.Field(i).IsZero()
	}
	return zero
}

// diffOfViews compares two views, but for what only [Decode] fills in.
func diffOfViews(want, got *Pod) string {
	quantities := cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
	ofJSON := cmp.FilterPath(func(p cmp.Path) bool {
		last := p.Last().String()
		return last == ".Raw" || last == ".Absent"
	}, cmp.Ignore())
	return cmp.Diff(want, got, quantities, ofJSON)
}
