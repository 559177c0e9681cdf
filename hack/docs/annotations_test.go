// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

func TestEachOptionHasASectionOfItsOwn(t *testing.T) {
	t.Parallel()
	page := annotations()
	options := map[string]bool{}
	for _, h := range helpers.Builtin().All() {
		for _, o := range h.Options {
			options[h.Name+"/"+o.Name] = true
			if !strings.Contains(page, "\n### "+h.Name+": "+o.Name+"\n") || !strings.Contains(page, "(#"+h.Name+"-"+o.Name+")") {
				t.Errorf("%s/%s has no section, or no link to it", h.Name, o.Name)
			}
		}
	}
	for key := range concerned {
		if !options[key] {
			t.Errorf("there is no option %s", key)
		}
	}
}
