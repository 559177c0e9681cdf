// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

// site is where the documentation is published, as mkdocs.yml says.
const site = "https://pillion-dev.github.io/pillion/"

// onSite is a page of the reference on the site.
func onSite(page string) string { return site + "reference/" + page + ".html" }

// optionLink is the place in the reference of the option that a field of annotations sets; "" if it
// is none of a built-in helper.
func optionLink(field string) string {
	tokens := fieldTokens(field)
	if len(tokens) < 2 || tokens[len(tokens)-2] != "annotations" {
		return ""
	}
	prefix, option, _ := strings.Cut(tokens[len(tokens)-1], "/")
	owner := strings.TrimSuffix(prefix, "."+helper.Domain)
	h := helpers.Builtin().Find(owner[strings.LastIndexByte(owner, '.')+1:])
	if h == nil || h.Option(option) == nil {
		return ""
	}
	return onSite("annotations") + "#" + h.Name + "-" + option
}
