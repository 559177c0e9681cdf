// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// undoing is a document from which what inject added to one pod is taken, step by step.
type undoing struct {
	at       admission.Template
	document []byte // JSON, after the steps
	steps    []undoStep
}

// undoStep is an operation of RFC 6902: a field goes, or a string becomes shorter.
type undoStep struct {
	Op    string  `json:"op"`
	Path  string  `json:"path"`
	Value *string `json:"value,omitempty"`
}

// setting is a field of the pod that an app can have had itself.
type setting struct {
	path  []string
	usual bool // most pods have such fields of their own
}

func (s setting) shown(at admission.Template) string {
	return jsonscan.FieldPath(append(slices.Clone(at.Tokens()), s.path...)).String()
}

func newUndoing(document []byte, at admission.Template) (*undoing, error) {
	u := &undoing{at: at, document: document}
	if _, err := at.Find(document); err != nil {
		return nil, err
	}
	return u, nil
}

// value is what lies at a path of the pod; nil for nothing.
func (u *undoing) value(path ...string) any {
	v := decoded(u.document)
	for _, token := range append(slices.Clone(u.at.Tokens()), path...) {
		v = member(v, token)
	}
	return v
}

func decoded(document []byte) (v any) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	_ = decoder.Decode(&v) // it was read before
	return v
}

func member(v any, token string) any {
	switch v := v.(type) {
	case map[string]any:
		return v[token]
	case []any:
		if i, err := strconv.Atoi(token); err == nil && i < len(v) {
			return v[i]
		}
	}
	return nil
}

// take removes what lies at a path of the pod, and what is empty without it.
func (u *undoing) take(path ...string) {
	u.step(undoStep{Op: "remove"}, path)
	for n := len(path) - 1; n > 1 && empty(u.value(path[:n]...)); n-- {
		u.step(undoStep{Op: "remove"}, path[:n])
	}
}

func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func (u *undoing) step(s undoStep, path []string) {
	tokens := append(slices.Clone(u.at.Tokens()), path...)
	s.Path = jsonscan.Pointer(tokens...)
	u.document, _ = json.Marshal(without(decoded(u.document), tokens, s.Value)) // it was JSON before
	u.steps = append(u.steps, s)
}

// without is a value without what lies at a path, or with a string there instead.
func without(v any, path []string, instead *string) any {
	token, last := path[0], len(path) == 1
	switch v := v.(type) {
	case map[string]any:
		switch {
		case last && instead == nil:
			delete(v, token)
		case last:
			v[token] = *instead
		default:
			v[token] = without(v[token], path[1:], instead)
		}
		return v
	case []any:
		i, err := strconv.Atoi(token)
		switch {
		case err != nil || i >= len(v):
		case last:
			return slices.Delete(v, i, i+1)
		default:
			v[i] = without(v[i], path[1:], instead)
		}
		return v
	}
	return v
}

// takeOurs takes what certainly is Pillion's, from the end of each list to its beginning.
func (u *undoing) takeOurs() {
	for _, list := range []string{"containers", "initContainers"} {
		for i := range backward(u.value("spec", list)) {
			at := strconv.Itoa(i)
			if u.named(member(u.value("spec", list, at), "name")) {
				u.take("spec", list, at)
				continue
			}
			for j, m := range backward(u.value("spec", list, at, "volumeMounts")) {
				if u.named(member(m, "name")) {
					u.take("spec", list, at, "volumeMounts", strconv.Itoa(j))
				}
			}
			command, _ := u.value("spec", list, at, "command").([]any)
			if end := slices.Index(command, any("--")); end >= 0 && isWrapper(command[0]) {
				for j := end; j >= 0; j-- {
					u.take("spec", list, at, "command", strconv.Itoa(j))
				}
			}
		}
	}
	for i, v := range backward(u.value("spec", "volumes")) {
		if u.named(member(v, "name")) {
			u.take("spec", "volumes", strconv.Itoa(i))
		}
	}
	if u.value("metadata", "annotations", inject.StatusAnnotation) != nil {
		u.take("metadata", "annotations", inject.StatusAnnotation)
	}
	u.takeEvictable()
}

// evictable names the volumes that do not keep the autoscaler from moving the pod.
const evictable = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"

func (u *undoing) takeEvictable() {
	text, _ := u.value("metadata", "annotations", evictable).(string)
	if !strings.Contains(text, pod.ReservedPrefix) {
		return
	}
	names := slices.DeleteFunc(strings.Split(text, ","), func(name string) bool { return pod.Reserved(strings.TrimSpace(name)) })
	if len(names) == 0 {
		u.take("metadata", "annotations", evictable)
		return
	}
	rest := strings.Join(names, ",")
	u.step(undoStep{Op: "replace", Value: &rest}, []string{"metadata", "annotations", evictable})
}

func (u *undoing) named(name any) bool {
	text, _ := name.(string)
	return pod.Reserved(text)
}

func isWrapper(word any) bool {
	text, _ := word.(string)
	return strings.HasPrefix(text, programDir)
}

// programDir is where containers have the program that the helper start puts before commands.
const programDir = "/.pillion/"

// backward are the items of a list from the last to the first; none of what is no list.
func backward(v any) func(func(int, any) bool) {
	list, _ := v.([]any)
	return slices.Backward(list)
}

// settings are the fields that an app can have had itself, the last of each list first.
func (u *undoing) settings() (all []setting) {
	add := func(path ...string) {
		all = append(all, setting{path, slices.Contains(path, "env") || slices.Contains(path, "volumeMounts")})
	}
	if u.value("spec", "shareProcessNamespace") == true {
		add("spec", "shareProcessNamespace")
	}
	if u.value("spec", "securityContext", "fsGroup") != nil {
		add("spec", "securityContext", "fsGroup")
	}
	for i := range backward(u.value("spec", "securityContext", "sysctls")) {
		add("spec", "securityContext", "sysctls", strconv.Itoa(i))
	}
	for i := range backward(u.value("spec", "imagePullSecrets")) {
		add("spec", "imagePullSecrets", strconv.Itoa(i))
	}
	for _, list := range []string{"containers", "initContainers"} {
		for i := range backward(u.value("spec", list)) {
			at := []string{"spec", list, strconv.Itoa(i)}
			for j := range backward(u.value(append(at, "env")...)) {
				add(append(slices.Clone(at), "env", strconv.Itoa(j))...)
			}
			for j := range backward(u.value(append(at, "volumeMounts")...)) {
				add(append(slices.Clone(at), "volumeMounts", strconv.Itoa(j))...)
			}
			limits, _ := u.value(append(at, "resources", "limits")...).(map[string]any)
			for name := range limits {
				if strings.HasPrefix(name, "hugepages-") {
					add(append(slices.Clone(at), "resources", "limits", name)...)
				}
			}
		}
	}
	return all
}

// mostTried bounds the settings that are tried one by one.
const mostTried = 500

// takeSettings takes each setting that inject would add again.
func (u *undoing) takeSettings(p *inject.Policy, input []byte) {
	all := u.settings()
	for _, s := range all[:min(len(all), mostTried)] {
		document, steps := u.document, u.steps
		if u.take(s.path...); !u.makes(p, input) {
			u.document, u.steps = document, slices.Clip(steps)
		}
	}
}

// comparable is a document without the pod's status and without what is empty, in one form.
func (u *undoing) comparable(document []byte) []byte {
	tokens := append(slices.Clone(u.at.Tokens()), "metadata", "annotations", inject.StatusAnnotation)
	text, err := json.Marshal(full(without(decoded(document), tokens, nil)))
	if err != nil {
		return fmt.Appendf(nil, "%v", err)
	}
	return text
}

// full is a value without members that are empty or null; nil for one that has no others.
func full(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if value = full(value); value == nil {
				delete(v, key)
			} else {
				v[key] = value
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = full(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}
