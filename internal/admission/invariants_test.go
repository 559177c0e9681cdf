// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gomodules.xyz/jsonpatch/v2"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// provePod checks on one outcome what has to hold for all of them.
func provePod(t *testing.T, policy *inject.Policy, doc []byte, out Outcome) {
	t.Helper()
	proveDeterministic(t, policy, doc, out)
	if out.Result == reason.Denied {
		if out.Patch != nil || !out.Plan.Empty() {
			t.Errorf("a denied pod has a patch: %s", out.Patch)
		}
		return
	}
	proveOperations(t, doc, out.Patch)
	proveApplied(t, doc, out)
	proveDifference(t, doc, out)
	proveIdempotent(t, policy, out.Patched)
	proveUserUnchanged(t, doc, out.Patched)
	proveUnknownFieldsSurvive(t, policy, doc)
}

// proveApplied: what we checked before answering is what the API server will make of
// the patch.
func proveApplied(t *testing.T, doc []byte, out Outcome) {
	t.Helper()
	if out.Patch == nil {
		return
	}
	want, err := Apply(doc, out.Patch)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object(t, want), object(t, out.Patched)); diff != "" {
		t.Errorf("the patch library and we differ (-library +us):\n%s", diff)
	}
}

// proveDifference: what differs between the pod before and after is what the plan said, as a
// library sees it that knows nothing of the plan. It compares lists by index, so what happens
// inside a list into which something was inserted is compared as that list.
func proveDifference(t *testing.T, doc []byte, out Outcome) {
	t.Helper()
	difference, err := jsonpatch.CreatePatch(doc, out.Patched)
	if err != nil {
		t.Fatal(err)
	}
	var said []jsonpatch.Operation
	if out.Patch != nil {
		if err := json.Unmarshal(out.Patch, &said); err != nil {
			t.Fatal(err)
		}
	}
	covered := func(path string, by []jsonpatch.Operation) bool {
		return slices.ContainsFunc(by, func(op jsonpatch.Operation) bool {
			a, b := listOf(path)+"/", listOf(op.Path)+"/"
			return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
		})
	}
	for _, op := range difference {
		if !covered(op.Path, said) {
			t.Errorf("%s differs, which the plan does not say", op.Path)
		}
	}
	for _, op := range said {
		if !covered(op.Path, difference) {
			t.Errorf("the plan says %s %s, and nothing differs there", op.Operation, op.Path)
		}
	}
}

// listOf is a pointer up to the first list of the pod's spec that things are inserted into.
func listOf(path string) string {
	for _, list := range []string{"/spec/initContainers", "/spec/volumes", "/spec/imagePullSecrets", "/spec/securityContext/sysctls"} {
		if path == list || strings.HasPrefix(path, list+"/") {
			return list
		}
	}
	for _, list := range []string{"/volumeMounts", "/command", "/env"} {
		if before, _, found := strings.Cut(path, list); found {
			return before + list
		}
	}
	return path
}

// proveDeterministic: the same pod and policy give the same bytes.
func proveDeterministic(t *testing.T, policy *inject.Policy, doc []byte, out Outcome) {
	t.Helper()
	for range 5 { // Go varies the order of a map's keys
		again, err := Inject(testInjector, policy, doc, Template{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Patch, out.Patch) || !bytes.Equal(again.Patched, out.Patched) || again.Message() != out.Message() {
			t.Errorf("two answers for one pod:\n%s\n%s", again.Patch, out.Patch)
		}
	}
}

// proveIdempotent: a second review finds nothing to do.
func proveIdempotent(t *testing.T, policy *inject.Policy, patched []byte) {
	t.Helper()
	again, err := Inject(testInjector, policy, patched, Template{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Patch != nil || again.Result == reason.Injected || again.Result == reason.Denied {
		t.Errorf("a second pass is %s (%s) with the patch %s", again.Result, again.Message(), again.Patch)
	}
}

// proveOperations: the patch adds, and replaces only what bears a reserved name.
func proveOperations(t testing.TB, doc, patch []byte) {
	t.Helper()
	if patch == nil {
		return
	}
	var ops []struct{ Op, Path string }
	if err := json.Unmarshal(patch, &ops); err != nil {
		t.Fatal(err)
	}
	spec, _ := object(t, doc)["spec"].(map[string]any)
	for _, op := range ops {
		switch tokens := strings.Split(op.Path, "/")[1:]; {
		case op.Op == "replace" && isReserved(spec, tokens[1:]):
		case op.Op == "add" && slices.Contains([]string{"/metadata/annotations/pillion.dev~1status", "/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes"}, op.Path):
		case op.Op == "add" && slices.Contains([]string{"/metadata/annotations", "/metadata"}, op.Path):
			if at(object(t, doc), tokens) != nil {
				t.Errorf("%s %s overwrites what is there", op.Op, op.Path)
			}
		case op.Op == "add" && tokens[0] == "spec" && len(tokens) == 2: // a whole list
			if old, _ := spec[tokens[1]].([]any); old != nil {
				t.Errorf("%s %s overwrites a list that is there", op.Op, op.Path)
			}
		case isSetting(t, spec, op.Op, tokens):
		case op.Op == "add" && tokens[0] == "spec" && slices.Contains([]string{"volumeMounts", "env"}, tokens[len(tokens)-1]):
			if c, _ := at(spec, tokens[1:3]).(map[string]any); c[tokens[len(tokens)-1]] != nil {
				t.Errorf("%s %s overwrites a list that is there", op.Op, op.Path)
			}
		case op.Op == "add" && tokens[0] == "spec" && (tokens[len(tokens)-1] == "-" || tokens[1] == "initContainers" && len(tokens) == 3):
		default:
			t.Errorf("%s %s is not an operation that Pillion makes", op.Op, op.Path)
		}
	}
}

// proveUserUnchanged: without what bears our names, the pod is the one that came in,
// but for mounts and pull secrets behind those that were there.
func proveUserUnchanged(t testing.TB, before, after []byte) {
	t.Helper()
	a, b := object(t, before), object(t, after)
	proveSafeToEvict(t, a, b)
	strip(a, nil)
	strip(b, a)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("something of the user's is not as it was (-before +after):\n%s", diff)
	}
}

// proveSafeToEvict: volumes that were listed are still listed.
func proveSafeToEvict(t testing.TB, before, after map[string]any) {
	t.Helper()
	listed := func(doc map[string]any) []string {
		text, _ := at(doc, []string{"metadata", "annotations", inject.SafeToEvictAnnotation}).(string)
		names := strings.Split(text, ",")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
		return names
	}
	now := listed(after)
	for _, name := range listed(before) {
		if name != "" && !slices.Contains(now, name) {
			t.Errorf("%s is %q and has lost %q", inject.SafeToEvictAnnotation, now, name)
		}
	}
}

// strip takes away what Pillion may have added. original is the stripped pod as it
// was: what stands behind its mounts and pull secrets is an addition.
func strip(doc, original map[string]any) {
	meta, _ := doc["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	delete(annotations, inject.StatusAnnotation)
	delete(annotations, inject.SafeToEvictAnnotation)
	if len(annotations) == 0 { // absent, null and empty mean the same, of metadata as well
		delete(meta, "annotations")
	}
	if len(meta) == 0 {
		delete(doc, "metadata")
	}
	spec, _ := doc["spec"].(map[string]any)
	for _, list := range []string{"initContainers", "volumes"} {
		items, _ := spec[list].([]any)
		keep(spec, list, notReserved(items))
	}
	until := func(items []any, tokens ...string) []any {
		if original == nil {
			return items
		}
		old, _ := at(original, tokens).([]any)
		return items[:min(len(items), len(old))]
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for i, v := range containers {
			if c, _ := v.(map[string]any); c != nil {
				stripContainer(c, at(original, []string{"spec", list, strconv.Itoa(i)}))
				mounts, _ := c["volumeMounts"].([]any)
				env, _ := c["env"].([]any)
				keep(c, "env", until(env, "spec", list, strconv.Itoa(i), "env")) // variables behind those of the user's
				keep(c, "volumeMounts", until(notReserved(mounts), "spec", list, strconv.Itoa(i), "volumeMounts"))
			}
		}
	}
	stripSettings(spec, at(original, []string{"spec"}))
	secrets, _ := spec["imagePullSecrets"].([]any)
	keep(spec, "imagePullSecrets", until(secrets, "spec", "imagePullSecrets"))
}

func notReserved(items []any) []any {
	return slices.DeleteFunc(items, func(v any) bool { return pod.Reserved(nameOf(v)) })
}

// keep sets a list, or removes it if it is empty: absent, null and empty mean the same.
func keep(parent map[string]any, key string, list []any) {
	if len(list) > 0 {
		parent[key] = list
	} else {
		delete(parent, key)
	}
}

// proveUnknownFieldsSurvive puts a field that no version of k8s.io/api knows into all
// that is the user's, and finds each again in its place, to the byte.
func proveUnknownFieldsSurvive(t *testing.T, policy *inject.Policy, doc []byte) {
	t.Helper()
	const field = "fieldOfTomorrow"
	value := func(place string) json.RawMessage { // with forms that a decoder would change
		return json.RawMessage(fmt.Sprintf(`{"z":%q,"a":[1.50,12345678901234567890,1e+2,null],"u":"\u00e4\/ä"}`, place))
	}
	want := map[string]json.RawMessage{}
	mark := func(place string, o map[string]any) {
		want[place] = value(place)
		o[field] = want[place]
	}
	marked := object(t, doc)
	forEachPlace(marked, func(place string, o map[string]any) {
		if !strings.Contains(place, "/"+pod.ReservedPrefix) { // a changed one of ours is renewed
			mark(place, o)
		}
	})
	raw, err := json.Marshal(marked)
	if err != nil {
		t.Fatal(err)
	}
	// json.Marshal compacts, and would escape what it finds in a RawMessage: not here.
	out, err := Inject(testInjector, policy, raw, Template{})
	if err != nil {
		t.Fatal(err)
	}
	if out.Result == reason.Denied {
		t.Fatalf("denied with the unknown field: %s", out.Message())
	}
	got := map[string]json.RawMessage{}
	forEachRaw(t, out.Patched, func(place string, o map[string]json.RawMessage) {
		if v, has := o[field]; has {
			got[place] = v
		}
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown fields (-sent +returned):\n%s", diff)
	}
}
