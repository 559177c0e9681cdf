// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

// selectorFields are the fields of an entry that select, as managedFields names them. Their
// owner owns all of one: the API has a LabelSelector as one value.
var selectorFields = []string{"f:namespaceSelector", "f:objectSelector"}

// managers are the field managers of an entry that wrote a field of it.
func (e *entry) managers(field string) []string {
	var names []string
	for _, m := range e.managed {
		var owned struct {
			Webhooks map[string]map[string]json.RawMessage `json:"f:webhooks"`
		}
		if m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		key, _ := json.Marshal(map[string]string{"name": e.Name})
		if _, owns := owned.Webhooks["k:"+string(key)][field]; owns && !slices.Contains(names, m.Manager) {
			names = append(names, m.Manager)
		}
	}
	slices.Sort(names)
	return names
}

// foreign are the managers who wrote a selector and not the entry, which its rules tell; none if
// who installed the entry wrote the selector as well, or if nobody recorded who did.
func (e *entry) foreign(field string) []string {
	writers, installers := e.managers(field), e.managers("f:rules")
	if len(installers) == 0 || slices.ContainsFunc(writers, func(w string) bool { return slices.Contains(installers, w) }) {
		return nil
	}
	return writers
}

// othersSelectors names what others have added to the selectors of entries, as AKS does. It is
// a warning: what is left out is judged elsewhere, but an upgrade may find the field taken.
func (l *look) othersSelectors(entries []entry) {
	usual := map[string]bool{} // what the installation itself requires, besides its own keys
	for i := range entries {
		for _, field := range selectorFields {
			if e := &entries[i]; len(e.foreign(field)) == 0 {
				for _, r := range e.requirements(field) {
					usual[r] = true
				}
			}
		}
	}
	added := map[string][]string{} // what was added, and by whom, to names of entries
	for i := range entries {
		e := &entries[i]
		for _, field := range selectorFields {
			managers := e.foreign(field)
			if len(managers) == 0 {
				continue
			}
			if more := slices.DeleteFunc(e.requirements(field), func(r string) bool { return usual[r] }); len(more) > 0 {
				text := fmt.Sprintf("%s added %s to the %s of", and(managers), and(more), strings.TrimPrefix(field, "f:"))
				added[text] = append(added[text], e.Name)
			}
		}
	}
	for _, text := range slices.Sorted(maps.Keys(added)) {
		remedy := "if that is meant, nothing; if a server-side apply (Helm 4, Flux, Argo CD) says that the field is another's: once with --force-conflicts"
		if strings.HasPrefix(text, aksEnforcer) {
			remedy = `keep AKS away, or the next server-side apply (Helm 4, Flux, Argo CD) conflicts: set certificates.configurationAnnotations to {admissions.enforcer/disabled: "true"} in the chart (values-aks.yaml), and apply once with --force-conflicts`
		}
		l.warn(text+" "+and(added[text]), remedy)
	}
}

// aksEnforcer is the manager by which AKS adds to the selectors of all webhooks.
const aksEnforcer = "admissionsenforcer"

// requirements are those of a selector in words, without those that every entry of Pillion has.
func (e *entry) requirements(field string) []string {
	s := e.NamespaceSelector
	if field == "f:objectSelector" {
		s = e.ObjectSelector
	}
	if s == nil {
		return nil
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		all = append(all, key+"="+s.MatchLabels[key])
	}
	for i := range s.MatchExpressions {
		r := &s.MatchExpressions[i]
		if r.Key == inject.PolicyLabel || r.Key == corev1.LabelMetadataName && r.Operator == metav1.LabelSelectorOpNotIn {
			continue
		}
		text := fmt.Sprintf("%s %s", r.Key, r.Operator)
		if len(r.Values) > 0 {
			text += " [" + strings.Join(r.Values, " ") + "]"
		}
		all = append(all, text)
	}
	return all
}
