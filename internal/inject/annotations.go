// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// StatusAnnotation is where Pillion writes what it did. It is never read to decide
// anything.
const StatusAnnotation = helper.Domain + "/status"

// InjectAnnotation with the value "false" opts a pod out of what a policy would add
// by default.
const InjectAnnotation = helper.Domain + "/inject"

// Bounds on what is considered, so that the cost of a review is bounded as well.
const (
	maxAnnotations = 64
	maxContainers  = 256
)

// parsed is what a pod's annotations say.
type parsed struct {
	requests []*helper.Request
	problems []reason.Problem
	optOut   bool
	optIn    bool // inject: "true", which asks for nothing
	ours     int  // annotations under our domain, the status not counted
}

// parse reads all annotations under our domain. It stops at nothing: every mistake
// is reported in one answer.
func parse(known *helper.Set, annotations map[string]string, root *field.Path) parsed {
	var p parsed
	keys := slices.DeleteFunc(ourKeys(annotations), func(key string) bool { return key == StatusAnnotation })
	if p.ours = len(keys); p.ours > maxAnnotations { // before any of them costs something
		p.problems = []reason.Problem{reason.Invalid(reason.TooMany, helper.Annotations(root), p.ours, "is the number of annotations under %s; at most %d are considered", helper.Domain, maxAnnotations)}
		return p
	}
	for _, key := range keys {
		value := annotations[key]
		if key == InjectAnnotation {
			v, err := option.Boolean.Read(value)
			if err != nil {
				p.problems = append(p.problems, reason.Invalid(reason.InvalidValue, helper.Annotations(root).Key(key), option.Boolean.Shown(value), "%s", err))
			}
			p.optOut, p.optIn = v.Text == "false", v.Text == "true"
			continue
		}
		h, instance, o, problem := readKey(known, key, root)
		if problem != nil {
			p.problems = append(p.problems, *problem)
			continue
		}
		r := p.request(h, instance)
		if r == nil {
			r = helper.NewRequest(h, instance, reason.Requested, root)
			p.requests = append(p.requests, r)
		}
		r.Give(o.Name)
		v, err := o.Parse(value)
		if closed := (*option.Closed)(nil); errors.As(err, &closed) {
			r.Close(o.Name, closed) // the policy may open it
			continue
		}
		if err != nil {
			p.problems = append(p.problems, reason.Invalid(reason.InvalidValue, helper.Annotations(root).Key(key), o.Kind.Shown(value), "%s", err))
			continue
		}
		r.Set(o.Name, v)
	}
	sortRequests(p.requests)
	return p
}

// request is the one for an instance of a helper; nil if there is none.
func (p *parsed) request(h *helper.Helper, instance string) *helper.Request {
	for _, r := range p.requests {
		if r.Helper == h && r.Instance == instance {
			return r
		}
	}
	return nil
}

func sortRequests(requests []*helper.Request) {
	slices.SortFunc(requests, func(a, b *helper.Request) int {
		return cmp.Or(strings.Compare(a.Helper.Name, b.Helper.Name), strings.Compare(a.Instance, b.Instance))
	})
}
