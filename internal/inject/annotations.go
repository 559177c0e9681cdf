// SPDX-License-Identifier: Apache-2.0

package inject

import (
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

	values map[string]Value       // by option name; an unset option is absent
	given  map[string]bool        // the options that the pod itself set
	at     *field.Path            // of the annotations
	added  *Addition              // what the policy adds to every pod of this helper and instance; nil for nothing
	owned  map[string]*field.Path // by option name: where in the policy a value stands that is not the pod's
}

// Name is "git-poller", or "git-poller-docs" for the instance "docs".
func (r *Request) Name() string {
	if r.Instance == "" {
		return r.Helper.Name
	}
	return r.Helper.Name + "-" + r.Instance
}

// Value is the value of an option; the zero Value if it is unset.
func (r *Request) Value(option string) Value { return r.values[option] }

// Has tells whether an option has a value.
func (r *Request) Has(option string) bool { _, ok := r.values[option]; return ok }

// path is where an option's value stands: an annotation of the pod, or a field of the
// policy, which the pod's author cannot change.
func (r *Request) path(option string) *field.Path {
	if at := r.owned[option]; at != nil {
		return at
	}
	return r.at.Key(r.Helper.Key(r.Instance, option))
}

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
func parse(annotations map[string]string, at *field.Path) parsed {
	var p parsed
	byName := map[string]*Request{}
	keys := slices.DeleteFunc(ourKeys(annotations), func(key string) bool { return key == StatusAnnotation })
	if p.ours = len(keys); p.ours > maxAnnotations { // before any of them costs something
		p.problems = []Problem{invalid(TooMany, at, p.ours, "is the number of annotations under %s; at most %d are considered", Domain, maxAnnotations)}
		return p
	}
	for _, key := range keys {
		value := annotations[key]
		if key == InjectAnnotation {
			v, err := parseKind(&Option{Kind: KindBool}, value)
			if err != nil {
				p.problems = append(p.problems, invalid(InvalidValue, at.Key(key), shown(KindBool, value), "%s", err))
			}
			p.optOut = v.Text == "false"
			continue
		}
		helper, instance, option, problem := readKey(key, at)
		if problem != nil {
			p.problems = append(p.problems, *problem)
			continue
		}
		r := byName[instance+"."+helper.Name]
		if r == nil {
			r = &Request{
				Helper: helper, Instance: instance, Reason: Requested, at: at,
				values: map[string]Value{}, given: map[string]bool{},
			}
			byName[instance+"."+helper.Name] = r
			p.requests = append(p.requests, r)
		}
		r.given[option.Name] = true
		v, err := option.Parse(value)
		if err != nil {
			p.problems = append(p.problems, invalid(InvalidValue, at.Key(key), shown(option.Kind, value), "%s", err))
			continue
		}
		r.values[option.Name] = v
	}
	sortRequests(p.requests)
	return p
}

func sortRequests(requests []*Request) {
	slices.SortFunc(requests, func(a, b *Request) int {
		return strings.Compare(a.Helper.Name+"\x00"+a.Instance, b.Helper.Name+"\x00"+b.Instance)
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
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// readKey takes a key apart: [<instance>.]<helper>.pillion.dev/<option>.
func readKey(key string, at *field.Path) (h *Helper, instance string, o *Option, problem *Problem) {
	prefix, name, _ := strings.Cut(key, "/")
	owner := strings.TrimSuffix(prefix[:len(prefix)-len(Domain)], ".")
	dot := strings.LastIndexByte(owner, '.')
	if dot >= 0 {
		instance, owner = owner[:dot], owner[dot+1:]
	}
	refuse := func(format string, args ...any) (*Helper, string, *Option, *Problem) {
		p := forbidden(UnknownAnnotation, at.Key(shownKey(key)), format, args...)
		return nil, "", nil, &p
	}
	if lower := strings.ToLower(key); lower != key {
		suggestion := ""
		if _, _, _, wrong := readKey(lower, at); wrong == nil || lower == StatusAnnotation || lower == InjectAnnotation {
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
	if text := h.wrongInstance(instance); dot >= 0 && text != "" {
		return refuse("the instance %+q %s", instance, text)
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
