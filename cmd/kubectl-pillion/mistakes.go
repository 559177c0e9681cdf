// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// mistake is a value in a document that the API server does not decode, so that it rejects the
// object, whatever its annotations request.
type mistake struct {
	item  int    // of the document
	line  int    // in the file
	field string // in the document
	text  string
	// unread means that nothing was put in place of the value, so what a decision says of the
	// field is not about what the file has.
	unread bool
}

// typed are the kinds of which the whole object is decoded here; of all others it is the metadata.
var typed = map[string]reflect.Type{
	"Pod": reflect.TypeFor[corev1.Pod](), "PodTemplate": reflect.TypeFor[corev1.PodTemplate](),
	"ReplicationController": reflect.TypeFor[corev1.ReplicationController](),
	"Deployment":            reflect.TypeFor[appsv1.Deployment](), "ReplicaSet": reflect.TypeFor[appsv1.ReplicaSet](),
	"StatefulSet": reflect.TypeFor[appsv1.StatefulSet](), "DaemonSet": reflect.TypeFor[appsv1.DaemonSet](),
	"Job": reflect.TypeFor[batchv1.Job](), "CronJob": reflect.TypeFor[batchv1.CronJob](),
}

// metaOnly is what every object has.
type metaOnly struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
}

// findMistakes finds all values of a wrong type in a document. Scalars where a string belongs
// become strings, since that is what their author means: all else can then be judged as well.
func (d *document) findMistakes() error {
	items, err := d.items()
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(d.json))
	decoder.UseNumber()
	var root any
	if err := decoder.Decode(&root); err != nil {
		return err
	}
	for n := range items {
		for _, wrong := range items[n].wrongTypes(root) {
			d.note(d.lines(), n, &wrong)
		}
	}
	if len(d.mistakes) > 0 {
		slices.SortStableFunc(d.mistakes, func(a, b mistake) int { return a.line - b.line })
		d.json, err = json.Marshal(root)
	}
	return err
}

// note records a value of a wrong type. Null in place of a string is "" to the API server, so it is
// a mistake only where a helper is requested by it.
func (d *document) note(l *lines, item int, wrong *yamlstrict.WrongType) {
	at := wrong.Path.String()
	tokens := fieldTokens(at)
	key := tokens[len(tokens)-1]
	if wrong.Value == nil && !inject.Asks(map[string]string{key: ""}) {
		wrong.Set("")
		return
	}
	found := mistake{item: item, line: d.lineAt(l, at), field: at}
	written, shown := l.written(at, wrong.Value)
	found.text = wrong.Text(shown)
	if wrong.InMap {
		found.text += "; " + mapName(tokens) + " are strings"
	}
	switch {
	case wrong.Set == nil:
		if _, text := wrong.Value.(string); wrong.Drop != nil && (text || wrong.Scalar()) {
			wrong.Drop() // what is judged is the pod without it
		}
	case wrong.Scalar():
		wrong.Set(written)
		found.text += fmt.Sprintf("; write %q in quotes", written)
	case wrong.InMap:
		wrong.Set("")
		if found.unread = true; !strings.Contains(key, "/") { // it names no option
			wrong.Drop()
		}
		found.text += instead(key, wrong.Value)
	}
	d.mistakes = append(d.mistakes, found)
}

// mapName is the name of the map that a member lies in, such as annotations.
func mapName(tokens []string) string {
	if name := tokens[len(tokens)-2]; name == "annotations" || name == "labels" {
		return name
	}
	return "its values"
}

// instead is what to write instead of a value that no quotes make a string.
func instead(key string, value any) string {
	switch v := value.(type) {
	case []any:
		var words []string
		for _, item := range v {
			words = append(words, fmt.Sprint(item))
		}
		return fmt.Sprintf("; write one, such as %q", strings.Join(words, ","))
	case map[string]any:
		if inject.Asks(map[string]string{key: ""}) && !strings.Contains(key, "/") {
			for name := range v {
				return fmt.Sprintf("; write a key for each option, such as %s/%s", key, name)
			}
		}
	case nil:
		return "; write one in quotes, or remove the key"
	}
	return "; write one in quotes"
}

// wrongTypes finds the values of a wrong type in an item of a document.
func (i *item) wrongTypes(root any) []yamlstrict.WrongType {
	value := valueAt(root, i.where)
	at := (admission.Template{}).In(i.where...).Path()
	if t := typed[i.kind]; t != nil && !i.custom() {
		return yamlstrict.WrongTypes(value, t, at)
	}
	found := yamlstrict.WrongTypes(value, reflect.TypeFor[metaOnly](), at)
	if i.custom() {
		for _, template := range i.templates() {
			inItem := template.Tokens()
			path := template.In(i.where...).Path()
			found = append(found, yamlstrict.WrongTypes(valueAt(value, inItem), reflect.TypeFor[corev1.PodTemplateSpec](), path)...)
		}
	}
	return found
}

// valueAt follows names and indexes; nil if there is nothing.
func valueAt(value any, tokens []string) any {
	for _, token := range tokens {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			n := -1
			if _, err := fmt.Sscan(token, &n); err != nil || n < 0 || n >= len(v) {
				return nil
			}
			value = v[n]
		default:
			return nil
		}
	}
	return value
}

// told are mistakes as the errors of a compiler.
func (d *document) told(all []mistake) (texts []string) {
	items, _ := d.items() // it was read before
	for _, m := range all {
		of := items[m.item]
		texts = append(texts, fmt.Sprintf("%s:%d: %s/%s: %s: %s", d.file, m.line, of.kind, of.name, m.field, m.text))
	}
	return texts
}

// rejected is an error if the API server would not decode one of the documents. It names all mistakes.
func rejected(documents []*document) error {
	var all []string
	for _, d := range documents {
		all = append(all, d.told(d.mistakes)...)
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "\nerror: "))
}

// mistakesOf are those of one item.
func (d *document) mistakesOf(item int) (all []mistake) {
	for _, m := range d.mistakes {
		if m.item == item {
			all = append(all, m)
		}
	}
	return all
}

// unread reports whether a field is one that has no value which could be judged.
func (d *document) unread(field string) bool {
	return slices.ContainsFunc(d.mistakes, func(m mistake) bool { return m.unread && m.field == field })
}
