// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// A pointer takes its tokens back apart as they were, whatever they contain; and the
// patch library finds by it the member of that very name.
func TestPointersEscapeEveryName(t *testing.T) {
	t.Parallel()
	letters := []string{"/", "~", "~0", "~1", "~01", "a", "0", "-", ".", "é", " ", "\\", `"`, "%2F", "$(A)", ""}
	random := rand.New(rand.NewPCG(1, 2))
	name := func() string {
		var b strings.Builder
		for range random.IntN(5) {
			b.WriteString(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	for range 5000 {
		tokens := make([]string, 1+random.IntN(4))
		for i := range tokens {
			tokens[i] = name()
		}
		text := jsonscan.Pointer(tokens...)
		var back []string
		for token := range strings.SplitSeq(text[1:], "/") { // RFC 6901, section 4: first ~1, then ~0
			back = append(back, strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~"))
		}
		if !slices.Equal(tokens, back) {
			t.Fatalf("%q became %q and came back as %q", tokens, text, back)
		}
		key := tokens[0]
		document, err := json.Marshal(map[string]any{"a": map[string]string{key + "/": "other", key + "~1": "another"}})
		if err != nil {
			t.Fatal(err)
		}
		var p patcher
		p.op("add", "mine", "a", key)
		patch := Marshal(p.ops)
		out, err := applied(document, patch)
		if err != nil {
			t.Fatalf("%s: %v", patch, err)
		}
		if spliced, err := Apply(nil, document, p.ops); err != nil || !cmp.Equal(object(t, out), object(t, spliced)) {
			t.Fatalf("%s: %v: the library made\n%s\nand we made\n%s", patch, err, out, spliced)
		}
		want := map[string]any{"a": map[string]any{key + "/": "other", key + "~1": "another", key: "mine"}}
		if diff := cmp.Diff(want, object(t, out)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", patch, diff)
		}
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	annotation := []Annotation{{Key: "a.example/b~c", Value: "v"}, {Key: "d", Value: "w"}}
	for name, c := range map[string]struct {
		pod  pod.Pod
		plan Plan
		root string
		want string
	}{
		"of an empty plan is not there at all": {},
		"makes the annotations of a pod that has none": {
			plan: Plan{Annotations: annotation},
			want: `[{"op":"add","path":"/metadata/annotations","value":{"a.example/b~c":"v","d":"w"}}]`,
		},
		"adds annotations one by one": {
			pod:  pod.Pod{Metadata: pod.Metadata{Annotations: map[string]string{}}},
			plan: Plan{Annotations: annotation},
			want: `[{"op":"add","path":"/metadata/annotations/a.example~1b~0c","value":"v"},` +
				`{"op":"add","path":"/metadata/annotations/d","value":"w"}]`,
		},
		"begins at the pod template": {
			pod:  pod.Pod{Metadata: pod.Metadata{Annotations: map[string]string{}}},
			plan: Plan{Annotations: annotation[1:]},
			root: "/items/3/spec/template",
			want: `[{"op":"add","path":"/items/3/spec/template/metadata/annotations/d","value":"w"}]`,
		},
		"makes a list of mounts once": {
			pod: pod.Pod{Spec: pod.Spec{Containers: make([]pod.Container, 1)}},
			plan: Plan{Mounts: []Mount{
				{Renew: Insert}, {Renew: Insert},
			}},
			want: `[{"op":"add","path":"/spec/containers/0/volumeMounts","value":[{"name":"","mountPath":""},{"name":"","mountPath":""}]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ops, err := Patch(&c.pod, &c.plan, c.root)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(Marshal(ops))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
