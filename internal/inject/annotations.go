// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// StatusAnnotation is where Pillion writes what it did. It is never read to decide
// anything.
const StatusAnnotation = Domain + "/status"

// InjectAnnotation with the value "false" opts a pod out of what a policy would add
// by default.
const InjectAnnotation = Domain + "/inject"

// mirrorAnnotation marks the mirror of a static pod (k8s.io/api/core/v1, MirrorPodAnnotationKey).
const mirrorAnnotation = "kubernetes.io/config.mirror"

// Bounds on what is considered, so that the cost of a review is bounded as well.
const (
	maxAnnotations = 64
	maxContainers  = 256
	maxInstance    = 30 // keeps "pillion-auth-git-poller-" and the instance within a DNS label's 63 bytes
)

// Request is one helper that a pod asks for, with its typed options.
type Request struct {
	Helper   *Helper
	Instance string // "" is the default instance
	Reason   Reason // why the helper is there

	settings []setting              // of the helper's options, in their order
	root     *field.Path            // of the pod
	added    *Addition              // what the policy adds to every pod of this helper and instance; nil for nothing
	owned    map[string]*field.Path // by option name: where in the policy a value stands that is not the pod's
}

// Name is "git-poller", or "git-poller-docs" for the instance "docs".
func (r *Request) Name() string {
	if r.Instance == "" {
		return r.Helper.Name
	}
	return r.Helper.Name + "-" + r.Instance
}

// setting is what a request has for one option.
type setting struct {
	value Value
	has   bool // a value; what is given and does not parse is none
	given bool // by the pod itself
}

func newRequest(h *Helper, instance string, reason Reason, root *field.Path) *Request {
	return &Request{Helper: h, Instance: instance, Reason: reason, root: root, settings: make([]setting, len(h.Options))}
}

// setting is that of an option; nil if the helper has no such option.
func (r *Request) setting(option string) *setting {
	for i := range r.Helper.Options {
		if r.Helper.Options[i].Name == option {
			return &r.settings[i]
		}
	}
	return nil
}

// Value is the value of an option; the zero Value if it is unset.
func (r *Request) Value(option string) Value {
	if s := r.setting(option); s != nil {
		return s.value
	}
	return Value{}
}

// Has tells whether an option has a value.
func (r *Request) Has(option string) bool { s := r.setting(option); return s != nil && s.has }

// given tells whether the pod itself sets an option, rightly or not.
func (r *Request) given(option string) bool { s := r.setting(option); return s != nil && s.given }

// set gives an option of the helper a value.
func (r *Request) set(option string, v Value) {
	s := r.setting(option)
	s.value, s.has = v, true
}

// path is where an option's value stands: an annotation of the pod, or a field of the
// policy, which the pod's author cannot change.
func (r *Request) path(option string) *field.Path {
	if at := r.owned[option]; at != nil {
		return at
	}
	return annotationsPath(r.root).Key(r.Helper.Key(r.Instance, option))
}

// annotationsPath is where the annotations of the pod at root stand. Paths are made where
// something is wrong: most pods never need one.
func annotationsPath(root *field.Path) *field.Path { return root.Child("metadata", "annotations") }

// own remembers that a value is the policy's.
func (r *Request) own(option string, at *field.Path) {
	if r.owned == nil {
		r.owned = map[string]*field.Path{}
	}
	r.owned[option] = at
}

// parsed is what a pod's annotations say.
type parsed struct {
	requests []*Request
	problems []Problem
	optOut   bool
	ours     int // annotations under our domain, the status not counted
}

// parse reads all annotations under our domain. It stops at nothing: every mistake
// is reported in one answer.
func parse(annotations map[string]string, root *field.Path) parsed {
	var p parsed
	keys := slices.DeleteFunc(ourKeys(annotations), func(key string) bool { return key == StatusAnnotation })
	if p.ours = len(keys); p.ours > maxAnnotations { // before any of them costs something
		p.problems = []Problem{invalid(TooMany, annotationsPath(root), p.ours, "is the number of annotations under %s; at most %d are considered", Domain, maxAnnotations)}
		return p
	}
	for _, key := range keys {
		value := annotations[key]
		if key == InjectAnnotation {
			v, err := parseKind(&Option{Kind: KindBool}, value)
			if err != nil {
				p.problems = append(p.problems, invalid(InvalidValue, annotationsPath(root).Key(key), shown(KindBool, value), "%s", err))
			}
			p.optOut = v.Text == "false"
			continue
		}
		helper, instance, option, problem := readKey(key, root)
		if problem != nil {
			p.problems = append(p.problems, *problem)
			continue
		}
		r := p.request(helper, instance)
		if r == nil {
			r = newRequest(helper, instance, Requested, root)
			p.requests = append(p.requests, r)
		}
		r.setting(option.Name).given = true
		v, err := option.Parse(value)
		if err != nil {
			p.problems = append(p.problems, invalid(InvalidValue, annotationsPath(root).Key(key), shown(option.Kind, value), "%s", err))
			continue
		}
		r.set(option.Name, v)
	}
	sortRequests(p.requests)
	return p
}

// request is the one for an instance of a helper; nil if there is none.
func (p *parsed) request(h *Helper, instance string) *Request {
	for _, r := range p.requests {
		if r.Helper == h && r.Instance == instance {
			return r
		}
	}
	return nil
}

func sortRequests(requests []*Request) {
	slices.SortFunc(requests, func(a, b *Request) int {
		return cmp.Or(strings.Compare(a.Helper.Name, b.Helper.Name), strings.Compare(a.Instance, b.Instance))
	})
}

// ourKeys lists the keys under our domain, sorted. Upper case counts as well: the API
// server admits it, and a key that nobody reads would be a silent mistake.
func ourKeys(annotations map[string]string) []string {
	var keys []string
	for key := range annotations {
		prefix, _, _ := strings.Cut(key, "/")
		if len(prefix) < len(Domain) || !strings.EqualFold(prefix[len(prefix)-len(Domain):], Domain) {
			continue
		}
		if len(prefix) == len(Domain) || prefix[len(prefix)-len(Domain)-1] == '.' {
			if keys == nil {
				keys = make([]string, 0, 8) // as many as most pods have
			}
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// readKey takes a key apart: [<instance>.]<helper>.pillion.dev/<option>.
func readKey(key string, root *field.Path) (h *Helper, instance string, o *Option, problem *Problem) {
	prefix, name, _ := strings.Cut(key, "/")
	owner := strings.TrimSuffix(prefix[:len(prefix)-len(Domain)], ".")
	dot := strings.LastIndexByte(owner, '.')
	if dot >= 0 {
		instance, owner = owner[:dot], owner[dot+1:]
	}
	refuse := func(format string, args ...any) (*Helper, string, *Option, *Problem) {
		p := forbidden(UnknownAnnotation, annotationsPath(root).Key(shownKey(key)), format, args...)
		return nil, "", nil, &p
	}
	if lower := strings.ToLower(key); lower != key {
		suggestion := ""
		if _, _, _, wrong := readKey(lower, root); wrong == nil || lower == StatusAnnotation || lower == InjectAnnotation {
			suggestion = didYouMean(lower)
		}
		return refuse("annotation keys of Pillion are in lower case%s", suggestion)
	}
	if h = FindHelper(owner); h == nil {
		suggestion := didYouMean(nearestKey(instance, owner, name))
		if owner == "" {
			return refuse("unknown key; a key is <helper>.%s/<option>, and the helpers are %s%s", Domain, HelperNames(), suggestion)
		}
		return refuse("unknown helper %+q; the helpers are %s%s", owner, HelperNames(), suggestion)
	}
	if o = h.Option(name); o == nil {
		return refuse("%s has no option %+q%s", h.Name, name, didYouMean(nearestKey(instance, owner, name)))
	}
	if dot >= 0 && h.Single {
		return refuse("%s has no instances, since a pod has one at most: write %q", h.Name, h.Key("", name))
	}
	if dot >= 0 {
		if text := h.wrongInstance(instance); text != "" {
			return refuse("the instance %+q %s", instance, text)
		}
	}
	return h, instance, o, nil
}

// wrongInstance says what is wrong with the name of an instance; "" if nothing is.
func (h *Helper) wrongInstance(instance string) string {
	switch {
	case h.Single:
		return h.Name + " has no instances, since a pod has one at most; remove it"
	case len(instance) > maxInstance || len(validation.IsDNS1123Label(instance)) > 0:
		return fmt.Sprintf("must be at most %d lower-case letters, digits or '-', with a letter or digit at both ends", maxInstance)
	}
	return ""
}

// shownKey is a key as an error text may repeat it: the API server looks at keys only
// after us, so anything can be in one.
func shownKey(key string) string {
	const limit = 128
	if len(key) > limit || plainText(key) != nil {
		return strings.Trim(strconv.QuoteToASCII(key[:min(len(key), limit)]), `"`)
	}
	return key
}

// nearestKey finds the valid key that a wrong one was most likely meant to be; "" if
// none is near. The instance is taken as it is.
func nearestKey(instance, owner, option string) string {
	best, bestDistance := "", 1+min(len(owner)+len(option), longest)/3
	right := FindHelper(owner) != nil
	if right { // only the option is wrong
		bestDistance = 1 + min(len(option), longest)/3
	}
	consider := func(key string, distance int) {
		if distance < bestDistance {
			best, bestDistance = key, distance
		}
	}
	for _, h := range Helpers() {
		for i := range h.Options {
			distance := editDistance(option, h.Options[i].Name)
			if right && h.Name != owner { // an option of another helper, if it is that very one
				if distance == 0 {
					consider(h.Key(instance, option), 1)
				}
				continue
			}
			if owner != "" { // pillion.dev/repo: the helper was left out, not mistyped
				distance += editDistance(owner, h.Name)
			}
			consider(h.Key(instance, h.Options[i].Name), distance)
		}
	}
	if owner == "" {
		consider(InjectAnnotation, editDistance(option, "inject"))
	}
	return best
}

// shown is the value as an error text may repeat it.
func shown(kind Kind, value string) string {
	if kind == KindRepo || strings.Contains(value, "://") || kind == KindConditions && strings.Contains(value, "@") {
		value = withoutCredentials(value)
	}
	const limit = 128
	if len(value) > limit {
		value = strings.ToValidUTF8(value[:limit], "") + fmt.Sprintf("… (%d bytes)", len(value))
	}
	return value
}

// Asks tells whether annotations have any key under our domain, other than the status
// that Pillion writes itself.
func Asks(annotations map[string]string) bool {
	return slices.ContainsFunc(ourKeys(annotations), func(key string) bool { return key != StatusAnnotation })
}
