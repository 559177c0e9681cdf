// SPDX-License-Identifier: Apache-2.0

package yamlstrict

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// What no value of a wrong type is found in decodes, and what decodes has none but null in a map of
// strings.
func FuzzWrongTypesAgreesWithTheDecoder(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"metadata":{"annotations":{"a":true}}}`, `{"metadata":{"labels":["a"]}}`, `{"spec":{"containers":[{"env":[{"value":5}],"resources":{"limits":{"cpu":"x"}}}]}}`,
		`{"spec":{"terminationGracePeriodSeconds":1e99}}`, `{"metadata":{"creationTimestamp":"never"}}`, `{"spec":{"containers":[{"ports":[{"containerPort":1.5}],"livenessProbe":{"httpGet":{"port":{}}}}]}}`,
		`{"spec":[]}`, `{"spec":{"volumes":[{"emptyDir":{"sizeLimit":[]}}]}}`, `null`, `5`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var value any
		if decoder.Decode(&value) != nil || decoder.More() {
			return
		}
		again, err := json.Marshal(value) // names that differ in their case alone are one to encoding/json
		if err != nil || string(again) != strings.ToLower(string(again)) {
			again = nil
		}
		found := WrongTypes(value, reflect.TypeFor[corev1.Pod](), nil)
		real := 0
		for i := range found {
			if found[i].Value != nil {
				real++
			}
		}
		raw, _ := json.Marshal(value)
		var pod corev1.Pod
		err = json.Unmarshal(raw, &pod)
		if err == nil && real > 0 {
			t.Errorf("%s decodes, and %s is said to be wrong: %s", raw, found[0].Path, found[0].Text(""))
		}
		if err != nil && real == 0 && again != nil {
			t.Errorf("%s does not decode, and nothing is said to be wrong: %v", raw, err)
		}
	})
}
