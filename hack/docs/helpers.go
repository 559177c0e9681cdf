// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
	"github.com/pillion-dev/pillion/internal/policy"
)

// standardHelper is what a helper has in a policy that says nothing about it.
type standardHelper struct {
	Image  string              `json:"image"`
	Limits corev1.ResourceList `json:"limits"` // of cpu and memory
}

// helperDefaults are the standardHelpers as JSON, by the helper's name, or by
// "<helper>/<engine>" for an engine other than our own. The chart compares running helpers
// with the limits, and takes the images from a registry of the user's.
func helperDefaults() (string, error) {
	all := map[string]standardHelper{}
	for _, h := range helpers.Builtin().All() {
		for _, engine := range append([]string{""}, h.EngineNames()...) {
			name, spec := h.Name, "{}"
			if engine != "" && engine != helper.OwnEngine {
				name, spec = name+"/"+engine, fmt.Sprintf("{engine: %s}", engine)
			}
			const file = "apiVersion: %s\nkind: InjectionPolicy\nmetadata: {name: default}\nspec: {helpers: {%s: %s}}\n"
			p, err := policy.Parse(fmt.Appendf(nil, file, policy.APIVersion, h.Name, spec))
			if err != nil {
				return "", fmt.Errorf("defaults of %s: %w", name, err)
			}
			all[name] = standardHelper{Image: p.Helpers[h.Name].Image, Limits: p.Helpers[h.Name].Resources.Limits}
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	return string(text) + "\n", err
}
