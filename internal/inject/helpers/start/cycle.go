// SPDX-License-Identifier: Apache-2.0

package start

import (
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// denyCycles denies containers that wait for each other, which none of them would
// survive.
func denyCycles(e *helper.Editor, r *helper.Request, all []wrapped) {
	byName := map[string]*wrapped{}
	for i := range all {
		byName[all[i].Name] = &all[i]
	}
	const visiting, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(name string)
	visit = func(name string) {
		switch state[name] {
		case done:
			return
		case visiting:
			cycle := append(slices.Clone(path[slices.Index(path, name):]), name)
			why := "these containers wait for each other"
			if len(cycle) == 2 {
				why = "a container cannot wait for itself"
			}
			e.Deny(reason.Invalid(reason.Contradiction, r.Path(after), strings.Join(cycle, " after "), "%s; remove one of the conditions", why))
			return
		}
		state[name] = visiting
		path = append(path, name)
		for _, c := range byName[name].waits {
			if c.container != "" {
				visit(c.container)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for i := range all {
		visit(all[i].Name)
	}
}
