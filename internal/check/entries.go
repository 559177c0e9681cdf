// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/inject"
)

// defaultPolicy is the policy of namespaces without the label.
const defaultPolicy = "default"

// sample stands for all namespaces with a policy label, or without one.
type sample struct {
	text   string
	labels labels.Set
	policy string // that its pods are due
}

// samples are one of each kind of namespace.
func samples(policies []string) []sample {
	with := func(label string) labels.Set {
		return labels.Set{corev1.LabelMetadataName: "any", inject.PolicyLabel: label}
	}
	all := []sample{{"without the label " + inject.PolicyLabel, labels.Set{corev1.LabelMetadataName: "any"}, defaultPolicy}}
	for _, p := range policies {
		all = append(all, sample{"with the label " + inject.PolicyLabel + "=" + p, with(p), p})
	}
	return append(all, sample{"whose label " + inject.PolicyLabel + " names no policy", with("no-such-policy"), inject.NoPolicy})
}

// policies are those that the entries serve.
func (l *look) policies() []string {
	names := map[string]bool{}
	for i := range l.entriesOf {
		if name := l.entriesOf[i].policy(); name != inject.NoPolicy {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// entries wants each kind of namespace to reach exactly one entry, and the right one. All
// installations count: a pod that two of them change is looked at under two policies.
func (l *look) entries(context.Context) error {
	wrong := l.disjoint(l.entriesOf, "/inject/")
	for _, text := range wrong.twice {
		l.fail(text+": their pods are changed twice, under two policies", "let one entry of them leave these namespaces out by its namespaceSelector, or delete it")
	}
	for _, text := range wrong.other {
		l.fail(text, "put the entry's path right; its last part names the policy")
	}
	for _, text := range wrong.none {
		l.warn(text+": pods there that ask for a helper start without it, and no error says so", "add an entry that takes them, or make sure that no pod needs one there")
	}
	if len(wrong.twice)+len(wrong.other)+len(wrong.none) == 0 {
		l.ok("each namespace reaches one entry; the policies are %s", and(l.policies()))
	}
	return nil
}

// mistakes are what is wrong with a set of entries, in words.
type mistakes struct{ twice, other, none []string }

func (l *look) disjoint(entries []entry, prefix string) mistakes {
	var wrong mistakes
	overlaps := map[string][]string{} // names of entries to samples
	var order []string
	for _, s := range samples(l.policies()) {
		var names []string
		path := ""
		for i := range entries {
			if e := &entries[i]; e.takes(s.labels) {
				names, path = append(names, e.Name), e.path
			}
		}
		switch {
		case len(names) == 0:
			wrong.none = append(wrong.none, "no entry takes the namespaces "+s.text)
		case len(names) == 1:
			if want := prefix + s.policy; path != want {
				wrong.other = append(wrong.other, fmt.Sprintf("%s takes the namespaces %s, and calls %s instead of %s", names[0], s.text, path, want))
			}
		default:
			key := and(names)
			if overlaps[key] == nil {
				order = append(order, key)
			}
			overlaps[key] = append(overlaps[key], s.text)
		}
	}
	for _, names := range order {
		wrong.twice = append(wrong.twice, names+" both take the namespaces "+strings.Join(overlaps[names], ", and those "))
	}
	return wrong
}
