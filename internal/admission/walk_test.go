// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// object reads JSON with its numbers as they are written.
func object(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var o map[string]any
	if err := decoder.Decode(&o); err != nil {
		t.Fatalf("%v in %.200s", err, raw)
	}
	return o
}

// at follows the tokens of a pointer; nil if there is nothing.
func at(value any, tokens []string) any {
	for _, token := range tokens {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// isReserved reports whether a container, volume or mount has one of our names.
func isReserved(spec any, tokens []string) bool {
	o, _ := at(spec, tokens).(map[string]any)
	return pod.Reserved(nameOf(o))
}

func nameOf(v any) string {
	o, _ := v.(map[string]any)
	name, _ := o["name"].(string)
	return name
}

func forEachContainer(pod map[string]any, do func(key string, c map[string]any)) {
	spec, _ := pod["spec"].(map[string]any)
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		containers, _ := spec[list].([]any)
		for _, v := range containers {
			if c, _ := v.(map[string]any); c != nil {
				do(list+"/"+nameOf(c), c)
			}
		}
	}
}

// forEachPlace visits the objects into which Kubernetes may put a new field.
func forEachPlace(document map[string]any, do func(place string, o map[string]any)) {
	do("pod", document)
	if meta, _ := document["metadata"].(map[string]any); meta != nil {
		do("metadata", meta)
	}
	spec, _ := document["spec"].(map[string]any)
	if spec != nil {
		do("spec", spec)
	}
	volumes, _ := spec["volumes"].([]any)
	for _, v := range volumes {
		if o, _ := v.(map[string]any); o != nil {
			do("volumes/"+nameOf(o), o)
		}
	}
	forEachContainer(document, func(key string, c map[string]any) {
		do(key, c)
		mounts, _ := c["volumeMounts"].([]any)
		for _, v := range mounts {
			if m, _ := v.(map[string]any); m != nil && !pod.Reserved(nameOf(m)) {
				do(key+fmt.Sprintf("/mounts%v", m["mountPath"]), m)
			}
		}
	})
}

// forEachRaw visits the same objects, with their members as they are written.
func forEachRaw(t testing.TB, pod []byte, do func(place string, o map[string]json.RawMessage)) {
	t.Helper()
	raw := func(value json.RawMessage) (o map[string]json.RawMessage) {
		if err := json.Unmarshal(value, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	list := func(value json.RawMessage) (items []json.RawMessage) {
		_ = json.Unmarshal(value, &items) // absent or null
		return items
	}
	name := func(o map[string]json.RawMessage, key string) (s string) {
		_ = json.Unmarshal(o[key], &s)
		return s
	}
	top := raw(pod)
	do("pod", top)
	do("metadata", raw(top["metadata"]))
	spec := raw(top["spec"])
	do("spec", spec)
	for _, v := range list(spec["volumes"]) {
		o := raw(v)
		do("volumes/"+name(o, "name"), o)
	}
	for _, kind := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, v := range list(spec[kind]) {
			c := raw(v)
			key := kind + "/" + name(c, "name")
			do(key, c)
			for _, m := range list(c["volumeMounts"]) {
				o := raw(m)
				do(key+"/mounts"+name(o, "mountPath"), o)
			}
		}
	}
}
