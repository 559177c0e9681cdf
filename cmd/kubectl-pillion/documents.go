// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
)

// document is one YAML or JSON document of the input.
type document struct {
	source  string   // for messages: "web.yaml, document 2"
	text    []byte   // as it was read
	json    []byte   // as JSON, with the patches so far applied
	patches [][]byte // RFC 6902, in order
}

// object is a pod or workload in a document: the document itself, or an item of a List.
type object struct {
	kind, name, namespace string
	at                    admission.Template
	misplaced             bool // our annotations are on the workload instead of its pod template
}

func (o *object) label(d *document) string {
	return fmt.Sprintf("%s/%s (%s)", o.kind, o.name, d.source)
}

func readFiles(files []string, stdin io.Reader) ([]*document, error) {
	var all []*document
	for _, name := range files {
		source, in := name, stdin
		if name == "-" {
			source = "standard input"
		} else {
			f, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			defer f.Close() // read only
			in = f
		}
		documents, err := readDocuments(source, in)
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no object in %s", strings.ReplaceAll(", "+strings.Join(files, ", "), ", -", ", standard input")[2:])
	}
	return all, nil
}

// readDocuments splits a stream into documents. Empty ones, as templates leave them,
// are passed over.
func readDocuments(source string, in io.Reader) ([]*document, error) {
	var documents []*document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for n := 1; ; n++ {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		where := fmt.Sprintf("%s, document %d", source, n)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", where, err)
		}
		asJSON, err := toJSON(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if !bytes.Equal(asJSON, []byte("null")) {
			documents = append(documents, &document{source: where, text: text, json: asJSON})
		}
	}
}

// toJSON reads YAML strictly: a key that is there twice is a mistake. The strict reader
// takes a key that overrides a merged one for such a key, so with merges it is left out.
func toJSON(text []byte) ([]byte, error) {
	if bytes.Contains(text, []byte("<<:")) {
		return yaml.YAMLToJSON(text)
	}
	return yaml.YAMLToJSONStrict(text)
}

// objects finds the pods and workloads in a document.
func (d *document) objects() ([]object, error) {
	var list struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(d.json, &list); err != nil {
		return nil, errors.New("is not a Kubernetes object: it must be a mapping with apiVersion and kind")
	}
	if !strings.HasSuffix(list.Kind, "List") {
		return found(nil, d.json, "", ""), nil
	}
	var objects []object
	for i, item := range list.Items {
		// The items of a PodList, unlike those of a List, need not say what they are.
		objects = append(objects, found([]string{"items", strconv.Itoa(i)}, item, list.APIVersion, strings.TrimSuffix(list.Kind, "List"))...)
	}
	return objects, nil
}

// found is the object in raw if it is a kind that has pods, nothing otherwise. What the
// object does not say of its kind is that of the list it is in.
func found(where []string, raw []byte, apiVersion, kind string) []object {
	var o struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name         string            `json:"name"`
			Namespace    string            `json:"namespace"`
			GenerateName string            `json:"generateName"`
			Annotations  map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(raw, &o) // what is of another form is no workload
	if o.Kind == "" {
		o.APIVersion, o.Kind = apiVersion, kind
	}
	at, has := admission.TemplateOf(o.Kind)
	if group, _, grouped := strings.Cut(o.APIVersion, "/"); !has || (grouped && group != "apps" && group != "batch") {
		return nil
	}
	name := o.Metadata.Name
	if name == "" {
		name = o.Metadata.GenerateName + "*"
	}
	misplaced := o.Kind != "Pod" && inject.Asks(o.Metadata.Annotations)
	return []object{{kind: o.Kind, name: name, namespace: o.Metadata.Namespace, at: at.In(where...), misplaced: misplaced}}
}
