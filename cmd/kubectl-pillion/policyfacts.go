// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// additionInfo is one helper that a policy adds to pods that do not ask.
type additionInfo struct {
	At       string            `json:"at"` // in the policy: "require[0]"
	Instance string            `json:"instance,omitempty"`
	Required bool              `json:"required"` // no pod can opt out
	Options  map[string]string `json:"options"`
}

// additionsOf are what a policy adds of one helper.
func additionsOf(h *helper.Helper, p *inject.Policy) []additionInfo {
	var all []additionInfo
	for _, a := range slices.Concat(p.Require, p.Inject) {
		if a.Helper != h {
			continue
		}
		info := additionInfo{At: a.String(), Instance: a.Instance, Required: a.Required, Options: map[string]string{}}
		for name, value := range a.Values {
			info.Options[name] = value.Text
		}
		all = append(all, info)
	}
	return all
}

func (a *additionInfo) text(policy string) string {
	verb, scope := "requires", "in every pod"
	if !a.Required {
		verb, scope = "adds", "to every pod that does not opt out"
	}
	what := "it"
	if a.Instance != "" {
		what = "the instance " + a.Instance
	}
	text := fmt.Sprintf("policy %q %s %s %s (%s)", policy, verb, what, scope, a.At)
	var values []string
	for _, name := range slices.Sorted(maps.Keys(a.Options)) {
		values = append(values, name+" "+a.Options[name])
	}
	if len(values) > 0 {
		text += ": " + strings.Join(values, ", ")
	}
	return text
}

// policyFacts are what a policy says of all helpers together.
type policyFacts struct {
	Enforcement   string   `json:"enforcement"`
	HostNetwork   string   `json:"hostNetwork"`
	HelpersPerPod int      `json:"helpersPerPod,omitempty"` // limits; absent for none
	SharedMemory  string   `json:"sharedMemory,omitempty"`
	VolumeSize    string   `json:"volumeSize,omitempty"`
	GVisor        []string `json:"gvisor,omitempty"` // RuntimeClasses
	DeniedClasses []string `json:"deniedClasses,omitempty"`
}

func factsOf(p *inject.Policy) *policyFacts {
	f := &policyFacts{
		Enforcement: "Deny", HostNetwork: "Deny", HelpersPerPod: p.Limits.HelpersPerPod, GVisor: p.GVisor, DeniedClasses: p.DeniedClasses,
	}
	if p.Warn {
		f.Enforcement = "Warn"
	}
	if p.HostNetwork {
		f.HostNetwork = "Allow"
	}
	if q := p.Limits.SharedMemory; !q.IsZero() {
		f.SharedMemory = q.String()
	}
	if q := p.Limits.VolumeSize; !q.IsZero() {
		f.VolumeSize = q.String()
	}
	return f
}

// policyText ends a list of helpers with what holds for all of them.
func policyText(b *strings.Builder, all []helperInfo) {
	if len(all) == 0 || all[0].PolicyFacts == nil {
		return
	}
	fmt.Fprintf(b, "\npolicy %q, for all helpers\n", all[0].Policy)
	table(b, "  ", policyRows(all[0].PolicyFacts))
}

// policyRows are the facts with their names.
func policyRows(f *policyFacts) [][]string {
	enforcement := "Deny"
	if f.Enforcement == "Warn" {
		enforcement = "Warn: what it would deny is admitted, and warned of"
	}
	network := "pods that use the node's network get no helpers"
	if f.HostNetwork == "Allow" {
		network = "pods that use the node's network get helpers as well"
	}
	var limits []string
	if f.HelpersPerPod > 0 {
		limits = append(limits, fmt.Sprintf("%d helpers", f.HelpersPerPod))
	}
	if f.SharedMemory != "" {
		limits = append(limits, f.SharedMemory+" of shared memory")
	}
	if f.VolumeSize != "" {
		limits = append(limits, f.VolumeSize+" of volumes on disk")
	}
	classes := "none is gVisor"
	if len(f.GVisor) > 0 {
		classes = "gVisor is " + strings.Join(f.GVisor, ", ")
	}
	if len(f.DeniedClasses) > 0 {
		classes += "; no helpers in " + strings.Join(f.DeniedClasses, ", ")
	}
	return [][]string{
		{"enforcement", enforcement}, {"hostNetwork", network}, {"limits of a pod", cmp.Or(strings.Join(limits, ", "), "none")}, {"RuntimeClasses", classes},
	}
}
