// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Controllers make pods, so nobody reads what is said about a pod. A
// workload is made by a person, and the answer to it is what kubectl prints.

// workload is the view of an object with pod templates: the keys that people put in the
// wrong place, and the templates.
type workload struct {
	keyed
	Spec struct {
		JobTemplate keyed `json:"jobTemplate"`
	} `json:"spec"`

	known     *helper.Set // the helpers whose keys are looked for
	templates []podTemplate
}

// workloads is the check of reviews that ask about a workload.
func workloads(r *request) error {
	_, ok := TemplateOf(r.Kind.Kind)
	kinds := map[string][]string{
		"":      {"replicationcontrollers", "podtemplates"},
		"apps":  {"deployments", "statefulsets", "daemonsets", "replicasets"},
		"batch": {"jobs", "cronjobs"},
	}
	resources, ofKubernetes := kinds[r.Resource.Group]
	if ofKubernetes && (!ok || r.Resource.Version != "v1" || !slices.Contains(resources, r.Resource.Resource)) || r.SubResource != "" ||
		r.Operation != admissionv1.Create && r.Operation != admissionv1.Update {
		return r.unexpected("only new and changed workloads are reviewed here")
	}
	return nil
}

// decodeWorkload reads a workload. One of a kind of Kubernetes has a template where the kind
// says; one of any other kind has those that it is seen to have, perhaps none.
func decodeWorkload(known *helper.Set, raw []byte, kind string) (*workload, error) {
	w := workload{known: known}
	if err := jsonv2.Unmarshal(raw, &w, jsonscan.AllowDuplicates); err != nil {
		return nil, fmt.Errorf("decoding the workload: %w", jsonscan.WithoutValue(err))
	}
	if at, ok := TemplateOf(kind); ok {
		found, err := at.Find(raw)
		if err != nil {
			return nil, err
		}
		w.templates = []podTemplate{{at: at, raw: found}}
	} else {
		w.templates = templatesIn(raw)
	}
	left := pod.MaxView
	for i := range w.templates {
		t := &w.templates[i]
		var err error
		if t.pod, err = pod.DecodeWithin(t.raw, &left); err != nil {
			return nil, fmt.Errorf("decoding the pod template: %w", err)
		}
		keys, err := readKeyed(t.raw, "pod template")
		if err != nil {
			return nil, err
		}
		t.labels, t.annotations = keys.Metadata.Labels, keys.Metadata.Annotations
	}
	return &w, nil
}

// reviewWorkload says what will become of the workload's pods. It never denies: the
// pods are what is decided on, when they are made.
//
// An internal failure is an HTTP status here as well. Under failurePolicy Ignore the
// author notices neither, but the API server counts the one and not the other.
func (h *handler) reviewWorkload(req *request, policyName string) (Outcome, *admissionv1.AdmissionResponse, error) {
	policy, err := h.policy(policyName)
	if err != nil {
		return Outcome{}, nil, err
	}
	w, err := decodeWorkload(policy.Known, req.Object, req.Kind.Kind)
	if err != nil {
		return Outcome{}, nil, malformed(http.StatusBadRequest, err)
	}
	out := Outcome{Decision: inject.Decision{Result: reason.Skipped, Reason: reason.NothingChanged, Policy: policy.Name, PolicyHash: policy.Hash}}
	var a advice
	switch {
	case w.same(req):
	case len(w.templates) == 0:
		out.Reason = reason.NothingRequested
		misplacedOn(&a, jsonscan.Shown(req.Kind.Kind), &w.keyed, &keyed{})
	default:
		out.Decision, out.Pod = h.decideWorkload(&a, w, policy, req)
	}
	return out, &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true, Warnings: a.lines(), AuditAnnotations: out.account().audit()}, nil
}

// decideWorkload decides on the pods of each template. What is noted in the end is the first
// decision that denies pods, or the first one.
func (h *handler) decideWorkload(a *advice, w *workload, policy *inject.Policy, req *request) (noted inject.Decision, of *pod.Pod) {
	misplaced := w.misplaced()
	kind := jsonscan.Shown(req.Kind.Kind)
	w.misplace(a, kind, misplaced)
	w.warnMistypedDomains(a)
	for i := range w.templates {
		t := &w.templates[i]
		d := h.named(bounded(h.injector.Decide(t.pod, policy, t.at.Path())), req.Namespace)
		if (len(misplaced) > 0 || len(w.labels()) > 0) && d.Reason == reason.NothingRequested {
			d.Reason = reason.WrongObject
		}
		if i == 0 || d.Result == reason.Denied && noted.Result != reason.Denied {
			noted, of = d, t.pod
		}
		advise(a, kind, d)
	}
	return noted, of
}

// same reports whether an update leaves alone all that could be said something about, as
// one does that scales. The API server writes both objects the same way, so a template
// that did not change has the same bytes.
func (w *workload) same(req *request) bool {
	if req.Operation != admissionv1.Update {
		return false
	}
	before, err := decodeWorkload(w.known, req.OldObject, req.Kind.Kind)
	return err == nil && maps.Equal(before.ownAnnotations(), w.ownAnnotations()) && slices.Equal(before.labels(), w.labels()) &&
		slices.EqualFunc(before.templates, w.templates, func(a, b podTemplate) bool { return bytes.Equal(a.raw, b.raw) })
}

// ownAnnotations are the annotations of the workload itself that are meant for us.
func (w *workload) ownAnnotations() map[string]string {
	ours := map[string]string{}
	for _, annotations := range []map[string]string{w.Metadata.Annotations, w.Spec.JobTemplate.Metadata.Annotations} {
		for key, value := range annotations {
			if isOurs(key) || intendedKey(w.known, key) != "" {
				ours[key] = value
			}
		}
	}
	return ours
}

// misplaced are the keys that ask for something where nothing reads them. One that a template
// has with the same value is what kustomize and others make of an annotation for everything.
func (w *workload) misplaced() []string {
	return slices.DeleteFunc(oursIn(w.ownAnnotations(), nil), func(key string) bool {
		return slices.ContainsFunc(w.templates, func(t podTemplate) bool {
			there, has := t.pod.Metadata.Annotations[key]
			return has && there == w.ownAnnotations()[key]
		})
	})
}

// warnMistypedDomains names the keys of other domains that were meant for Pillion.
func (w *workload) warnMistypedDomains(a *advice) {
	var all []map[string]string
	for i := range w.templates {
		all = append(all, w.templates[i].annotations)
	}
	for _, annotations := range append(all, w.ownAnnotations()) {
		a.mistypedDomains(w.known, annotations)
	}
}

// mistypedDomains names the keys of one object's annotations that were meant for Pillion.
func (a *advice) mistypedDomains(known *helper.Set, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if right := intendedKey(known, key); right != "" {
			a.sayOf(key, "the annotation %s does nothing; did you mean %s?", key, right)
		}
	}
}

// advise puts what is to be said of pods in its order: what would be denied, what is odd, and
// what will be.
func advise(a *advice, kind string, d inject.Decision) {
	switch {
	case d.Reason == reason.UnknownPolicy:
		a.say("the pods of this %s will be denied: %s", kind, d.Problems[0].Detail)
	case d.Result == reason.Denied:
		a.say("policy %s will deny the pods of this %s:", d.Policy, kind)
		for _, p := range d.Problems {
			text := brief(p)
			if len(d.Problems) > 1 { // there is no room to list options for each
				text, _, _ = strings.Cut(text, "; its options are ")
			}
			a.say("%s", text)
		}
	}
	teamCanChange(a, d.Policy, d.Problems)
	if len(d.Violations) > 0 {
		a.say("policy %s only warns, and would deny the pods of this %s:", d.Policy, kind)
		for _, p := range d.Violations {
			a.say("%s", brief(p))
		}
	}
	for _, text := range d.Warnings {
		a.say("%s", strings.TrimPrefix(text, speaker))
	}
	if d.Result == reason.Injected {
		a.say("policy %s: each pod gets %s", d.Policy, additions(d.Helpers))
	}
}

// additions lists helpers with the containers that take part.
func additions(helpers []helper.Status) string {
	const most = 4
	var texts []string
	for _, h := range helpers[:min(len(helpers), most)] {
		text := cmp.Or(h.Container, h.Helper) // a helper may be a setting of the pod, and no container
		if len(h.Containers) > 0 {
			text += fmt.Sprintf(" (for %s)", strings.Join(h.Containers, ", "))
		}
		switch h.Reason {
		case reason.Required:
			text += ", which it requires"
		case reason.ByDefault:
			text += ", unless it opts out"
		default: // it asks for it
		}
		texts = append(texts, text)
	}
	if more := len(helpers) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
