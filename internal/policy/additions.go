// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// validateAdditions compiles what the policy adds to pods that do not ask: require and
// inject.
func validateAdditions(s *Spec, out *inject.Policy, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	places := map[string]*helper.Addition{} // by helper and instance
	for _, list := range []struct {
		name  string
		specs []inject.AdditionSpec
		to    *[]*helper.Addition
	}{{"require", s.Require, &out.Require}, {"inject", s.Inject, &out.Inject}} {
		if n := len(list.specs); n > inject.MaxAdditions {
			errs = append(errs, field.TooMany(at.Child(list.name), n, inject.MaxAdditions))
			continue
		}
		for i := range list.specs {
			path := at.Child(list.name).Index(i)
			a, more := list.specs[i].Compile(out, list.name == "require", i, path)
			errs = append(errs, more...)
			if a == nil {
				continue
			}
			key := strings.TrimPrefix(a.Instance+"."+a.Helper.Name, ".")
			if first := places[key]; first != nil {
				errs = append(errs, field.Forbidden(path, fmt.Sprintf("%s is in %s already; remove one of the two, or give this one an instance", key, first)))
				continue
			}
			places[key] = a
			*list.to = append(*list.to, a)
		}
	}
	return errs
}

// tryAdditions lets the policy decide on a pod without annotations: one that it denies
// whatever the pod is like, such as two helpers on one path, adds nothing to anybody.
func tryAdditions(out *inject.Policy, at *field.Path) field.ErrorList {
	if !out.Adds() {
		return nil
	}
	d := inject.Injector{}.Decide(&pod.Pod{Spec: pod.Spec{Containers: containersFor(out)}}, out, nil)
	var errs field.ErrorList
	for _, p := range append(d.Problems, d.Violations...) {
		one := *p.Error
		if rest, found := strings.CutPrefix(one.Field, fmt.Sprintf("policy %q: ", out.Name)); found {
			one.Field = rest
			one.Detail = "a pod without annotations would be denied: " + one.Detail
		} else {
			where := "require"
			if len(out.Require) == 0 {
				where = "inject"
			}
			one = *field.Forbidden(at.Child(where), "a pod without annotations would be denied: "+p.Error.Error())
		}
		errs = append(errs, &one)
	}
	return errs
}

// containersFor are the containers of a pod that fits the policy: those that a rule of a
// helper that is added names, or any one.
func containersFor(out *inject.Policy) []pod.Container {
	var all []pod.Container
	add := func(name string) {
		if !slices.ContainsFunc(all, func(c pod.Container) bool { return c.Name == name }) {
			all = append(all, pod.Container{Name: name})
		}
	}
	for _, a := range slices.Concat(out.Require, out.Inject) {
		rule := out.Helpers[a.Helper.Name].Rules["containers"]
		if rule == nil {
			continue
		}
		if v := cmp.Or(rule.Fixed, rule.Default); v != nil {
			for _, name := range v.List {
				add(name)
			}
		} else if len(rule.Allow) > 0 {
			add(strings.ReplaceAll(rule.Allow[0].String(), "*", "x"))
		}
	}
	if len(all) == 0 {
		add("app")
	}
	return all
}
