// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// document is one YAML or JSON document of the input.
type document struct {
	source  string   // for messages: "web.yaml, document 2"
	file    string   // "web.yaml"
	line    int      // the number of its first line in the file
	whole   []byte   // all of the file
	text    []byte   // as it was read
	before  []byte   // as JSON, as it was read; nil unless set
	json    []byte   // as JSON, with the patches so far applied
	patches [][]byte // RFC 6902, in order

	mistakes []mistake // values that the API server does not decode
	found    *lines    // see lines
}

// object is a pod or workload in a document: the document itself, or an item of a List.
type object struct {
	kind, name, namespace string
	at                    admission.Template
	misplaced             bool // our annotations are on the workload instead of its pod template
	raw                   []byte
	of                    *item // for the first object of an item
}

// item is an object of any kind in a document.
type item struct {
	apiVersion, kind, name, namespace string
	annotations                       map[string]string
	where                             []string // in its document
	number                            int      // in its document
	raw                               []byte
}

func (o *object) label(d *document) string {
	return fmt.Sprintf("%s/%s (%s)", o.kind, o.name, d.source)
}

// readDocuments splits a stream into documents. Empty ones, as templates leave them,
// are passed over.
func readDocuments(source string, in io.Reader) ([]*document, error) {
	var documents []*document
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", source, err)
	}
	from := bytes.NewReader(data)
	buffer := bufio.NewReader(from)
	reader := utilyaml.NewYAMLReader(buffer)
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
		line := lineOf(text, data[:len(data)-from.Len()-buffer.Buffered()])
		if err != nil {
			return nil, &unreadable{source, line, yamlstrict.Unreadable(text, err)}
		}
		if bytes.Equal(asJSON, []byte("null")) {
			continue
		}
		d := &document{source: where, file: source, line: line, whole: data, text: text, json: asJSON}
		if err := d.findMistakes(); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		documents = append(documents, d)
	}
}

// lineOf is the number of a document's first line, given what was read up to its end: the
// document, and the separator behind it unless the file ends there.
func lineOf(text, read []byte) int {
	lines := bytes.Split(bytes.TrimSuffix(read, []byte("\n")), []byte("\n"))
	before := len(lines) - len(bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")))
	if bytes.HasPrefix(lines[len(lines)-1], []byte("---")) {
		before--
	}
	return before + 1
}

// toJSON reads YAML strictly: a key that is there twice is a mistake. The strict reader
// takes a key that overrides a merged one for such a key, so with merges it is left out.
func toJSON(text []byte) ([]byte, error) {
	if bytes.Contains(text, []byte("<<:")) {
		return yaml.YAMLToJSON(text)
	}
	return yaml.YAMLToJSONStrict(text)
}

// items takes a document apart: it is one object, or a List of them.
func (d *document) items() ([]item, error) {
	var list struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	err := json.Unmarshal(d.json, &list) // a wrong type of another field is found with all others
	if !bytes.HasPrefix(bytes.TrimSpace(d.json), []byte("{")) {
		return nil, errors.New("is not a Kubernetes object: it must be a mapping with apiVersion and kind")
	}
	if err != nil && strings.HasSuffix(list.Kind, "List") {
		return nil, fmt.Errorf("is not a list of Kubernetes objects: items must be a list: %w", err)
	}
	if !strings.HasSuffix(list.Kind, "List") {
		return []item{readItem(nil, d.json, "", "")}, nil
	}
	var items []item
	for i, raw := range list.Items {
		// The items of a PodList, unlike those of a List, need not say what they are.
		one := readItem([]string{"items", strconv.Itoa(i)}, raw, list.APIVersion, strings.TrimSuffix(list.Kind, "List"))
		one.number = i
		items = append(items, one)
	}
	return items, nil
}

// readItem reads what an object says of itself. What it does not say of its kind is that of
// the list it is in.
func readItem(where []string, raw []byte, apiVersion, kind string) item {
	var o struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name         string            `json:"name"`
			Namespace    string            `json:"namespace"`
			GenerateName string            `json:"generateName"`
			Annotations  map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec struct {
			JobTemplate struct {
				Metadata struct {
					Annotations map[string]string `json:"annotations"`
				} `json:"metadata"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
	_ = json.Unmarshal(raw, &o) // what is of another form is no workload
	if o.Kind == "" {
		o.APIVersion, o.Kind = apiVersion, kind
	}
	name := o.Metadata.Name
	if name == "" {
		name = o.Metadata.GenerateName + "*"
	}
	annotations := o.Metadata.Annotations
	if !inject.Asks(annotations) { // those of a CronJob's Jobs have as little effect
		annotations = o.Spec.JobTemplate.Metadata.Annotations
	}
	return item{apiVersion: o.APIVersion, kind: o.Kind, name: name, namespace: o.Metadata.Namespace, annotations: annotations, where: where, raw: raw}
}

// objects finds the pods and workloads in a document.
func (d *document) objects() ([]object, error) {
	items, err := d.items()
	if err != nil {
		return nil, err
	}
	var objects []object
	for i := range items {
		for n, o := range items[i].objects() {
			if n == 0 {
				o.of = &items[i]
			}
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// objects are one for each pod template that the item has.
func (i *item) objects() []object {
	var objects []object
	for _, at := range i.templates() {
		objects = append(objects, object{
			kind: i.kind, name: i.name, namespace: i.namespace, at: at.In(i.where...), raw: i.raw,
			misplaced: i.kind != "Pod" && inject.Asks(i.annotations),
		})
	}
	return objects
}

// templates are the pod templates of the item: where its kind has one if it is a kind of
// Kubernetes, and where there is one to be seen if it is a kind of somebody else.
func (i *item) templates() []admission.Template {
	if !i.custom() {
		if at, has := admission.TemplateOf(i.kind); has {
			return []admission.Template{at}
		}
		return nil
	}
	return admission.TemplatesIn(i.raw)
}

// custom reports whether the kind is none of Kubernetes' own. Their groups have no dot, or end
// in .k8s.io; no version at all is taken for theirs. Our own kinds make no pods.
func (i *item) custom() bool {
	group, _, grouped := strings.Cut(i.apiVersion, "/")
	return grouped && strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") && group != helper.Domain
}
