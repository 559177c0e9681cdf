// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// helmTemplate is in templates of charts, and not in what other programs fill in, as the agent of Vault
// does with annotations.
var helmTemplate = regexp.MustCompile(`\{\{-?\s*(\.(Values|Release|Chart|Capabilities)\b|include |template |toYaml )`)

// strays are the keys of an item that were meant for Pillion and that nobody reads: those that the
// webhook warns of, and those in fields that the API server drops or rejects before any webhook.
func (d *document) strays(known *helper.Set, i *item) (all []explain.Remark) {
	l := d.lines()
	add := func(tokens []string, text string) {
		_, line := l.find(tokens)
		all = append(all, d.remark(d.line+max(line, 1)-1, "", text))
	}
	if helmTemplate.Match(d.text) && len(i.templates()) > 0 && !i.custom() {
		add(i.where, "this looks like a Helm template, of which the values are not known; render it, and give the output: helm template CHART | kubectl pillion … -f -")
	}
	found, _ := admission.Strays(known, i.raw, i.kind) // of what it cannot decode, the decision says why
	for _, s := range found {
		add(l.keyBelow(i.where, s.Key), s.Text)
	}
	for _, s := range i.elsewhere() {
		_, line := l.find(s.right)
		add(append(s.tokens, s.keys[0]), fmt.Sprintf("%s in %s; move to %s (line %d)", nothing(s.keys), pathOf(s.tokens), pathOf(s.right), d.line+max(line, 1)-1))
	}
	return all
}

func (d *document) remark(line int, field, text string) explain.Remark {
	return explain.Remark{Place: fmt.Sprintf("%s:%d", d.file, line), Line: line, Field: field, Text: text}
}

// nothing says that keys have no effect.
func nothing(keys []string) string {
	if more := len(keys) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more do nothing", keys[0], more)
	}
	return keys[0] + " does nothing"
}

func pathOf(tokens []string) string { return (admission.Template{}).In(tokens...).Path().String() }

// elsewhere is a mapping of an object that is no place of annotations or labels, with the keys of
// ours in it, and where they belong.
type elsewhere struct{ tokens, keys, right []string }

// elsewhere finds keys of ours in a workload of Kubernetes where no kind has annotations, such as
// spec.template.spec.annotations. Other kinds may have annotations anywhere.
func (i *item) elsewhere() []elsewhere {
	templates := i.templates()
	if i.custom() || len(templates) == 0 {
		return nil
	}
	var value any
	if json.Unmarshal(i.raw, &value) != nil {
		return nil
	}
	f := misplacedKeys{right: append(slices.Clone(templates[0].Tokens()), "metadata", "annotations")}
	for _, at := range [][]string{nil, templates[0].Tokens(), {"spec", "jobTemplate"}} {
		f.read = append(f.read, pathOf(append(slices.Clone(at), "metadata", "annotations")), pathOf(append(slices.Clone(at), "metadata", "labels")))
	}
	f.walk(value, nil)
	for n := range f.found {
		f.found[n].tokens, f.found[n].right = slices.Concat(i.where, f.found[n].tokens), slices.Concat(i.where, f.found[n].right)
	}
	return f.found
}

// misplacedKeys looks for keys of ours in all mappings but those that somebody reads.
type misplacedKeys struct {
	right []string
	read  []string // paths
	found []elsewhere
}

func (f *misplacedKeys) walk(value any, at []string) {
	switch v := value.(type) {
	case map[string]any:
		if len(at) == 1 && at[0] == "status" {
			return
		}
		var ours []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if inject.Asks(map[string]string{key: ""}) {
				ours = append(ours, key)
				continue
			}
			f.walk(v[key], append(slices.Clip(at), key))
		}
		if len(ours) > 0 && (len(at) == 0 || !slices.Contains(f.read, pathOf(at))) {
			f.found = append(f.found, elsewhere{at, ours, f.right})
		}
	case []any:
		for n, item := range v {
			f.walk(item, append(slices.Clip(at), fmt.Sprint(n)))
		}
	}
}

// notes tells on standard error which keys of ours nobody reads, which values the API server does
// not decode, and which kinds are not judged although they may make pods. Of items with pods it
// tells only if withPods is set.
func notes(errOut io.Writer, known *helper.Set, documents []*document, withPods bool) error {
	var kinds []string
	for _, d := range documents {
		items, err := d.items()
		if err != nil {
			return fmt.Errorf("%s: %w", d.source, err)
		}
		for n := range items {
			i := &items[n]
			makesPods := len(i.templates()) > 0
			if !makesPods || withPods {
				for _, text := range d.told(d.mistakesOf(n)) {
					fmt.Fprintf(errOut, "error: %s\n", text)
				}
				for _, s := range d.strays(known, i) {
					fmt.Fprintf(errOut, "warning: %s: %s/%s: %s\n", s.Place, i.kind, i.name, s.Text)
				}
			}
			if name := i.kind + " of " + i.apiVersion; i.custom() && !makesPods && !slices.Contains(kinds, name) {
				kinds = append(kinds, name)
			}
		}
	}
	if len(kinds) > 0 {
		fmt.Fprintf(errOut, "note: not judged, since no pod template is to be seen in them: %s\n", strings.Join(kinds, ", "))
	}
	return nil
}
