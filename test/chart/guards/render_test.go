// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const root = "../../.."

func TestWhatIsSwitchedOffIsNotRendered(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]any
		want   int
	}{
		{"the final-state guard is on by default, of creates and of updates", nil, 4},
		{"nothing", map[string]any{"finalStateGuard": map[string]any{"enabled": false}}, 0},
		{"both", map[string]any{"labelGuard": map[string]any{"enabled": true}}, 6},
		{"the label guard alone", map[string]any{"labelGuard": map[string]any{"enabled": true}, "finalStateGuard": map[string]any{"enabled": false}}, 2},
		{"each policy that requires something has a guard of its own", values, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			objects, err := guards(root, c.values)
			if err != nil {
				t.Fatal(err)
			}
			if len(objects) != c.want {
				t.Errorf("%d objects, want %d: %v", len(objects), c.want, names(objects))
			}
		})
	}
}

func names(objects []unstructured.Unstructured) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.GetKind()+" "+o.GetName())
	}
	return all
}

func TestALabelGuardWithoutGroupsIsAMistake(t *testing.T) {
	_, err := guards(root, map[string]any{"labelGuard": map[string]any{"enabled": true, "groups": []any{}}})
	if err == nil {
		t.Fatal("rendered: nobody could give a namespace a policy")
	}
	t.Log(err)
}
