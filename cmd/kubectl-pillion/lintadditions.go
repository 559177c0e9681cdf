// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// doubtfulAdditions finds what is valid and cannot be meant in what a policy adds to pods
// that do not ask.
func doubtfulAdditions(p *inject.Policy, lines *lines) []remark {
	var all []remark
	for _, a := range slices.Concat(p.Require, p.Inject) {
		for _, name := range slices.Sorted(maps.Keys(a.Values)) {
			if rule := p.Helpers[a.Helper.Name].Rules[name]; rule != nil && rule.Fixed != nil {
				all = append(all, lines.at(fmt.Sprintf("spec.%s.options[%s]", a, name), "the rule for "+name+" has the same value, fixed; remove one of the two"))
			}
		}
	}
	if n := len(p.Require) + len(p.Inject); n > 0 && n == p.Limits.HelpersPerPod {
		all = append(all, lines.at("spec.limits.helpersPerPod", fmt.Sprintf("the policy itself adds %d to every pod, so no pod can request one of its own", n)))
	}
	if len(p.Require) > 0 && len(p.DeniedClasses) > 0 {
		all = append(all, lines.at("spec.runtimeClasses.deny", fmt.Sprintf("every pod of %s is denied, whatever it requests: it may have no helper, and one is required", strings.Join(p.DeniedClasses, ", "))))
	}
	return all
}

// additionNames are the helpers of a list, as the fronts of annotation keys have them.
func additionNames(all []*helper.Addition) []string {
	var names []string
	for _, a := range all {
		names = append(names, strings.TrimPrefix(a.Instance+"."+a.Helper.Name, "."))
	}
	return names
}
