// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// PolicyLabel is the label by which a namespace picks its policy.
const PolicyLabel = helper.Domain + "/policy"

// NoPolicy is what a namespace gets whose label names no policy, so no policy can have
// this name.
const NoPolicy = "unknown"

// Policy is what the platform team decides, compiled: every value is parsed and
// every pattern is taken apart. Package policy reads it from a file.
type Policy struct {
	Name        string
	Hash        string // of the canonical form of the file
	Warn        bool   // what the policy would deny is admitted, injected and warned of
	HostNetwork bool   // helpers may go into pods that use the node's network
	Limits      Limits
	// Known are the helpers that there are, allowed or not.
	Known   *helper.Set
	Helpers map[string]*rule.Helper

	Require []*helper.Addition // what every pod gets
	Inject  []*helper.Addition // what every pod gets that does not opt out

	// Unlisted are the helpers that the policy does not allow, for a policy that warns:
	// what it has for all helpers, and no rule.
	Unlisted map[string]*rule.Helper

	GVisor        []string // the RuntimeClasses that run pods in gVisor
	DeniedClasses []string // the RuntimeClasses in which helpers are not allowed
}

// Adds reports whether the policy adds something to pods that do not ask.
func (p *Policy) Adds() bool { return len(p.Require)+len(p.Inject) > 0 }

// path is that of the policy's spec for an error message on a pod.
func (p *Policy) path() *field.Path { return field.NewPath(fmt.Sprintf("policy %q: spec", p.Name)) }

// deniesClass reports whether the policy has no helpers for the pod's RuntimeClass.
func (p *Policy) deniesClass(s *pod.Spec) bool {
	return s.RuntimeClassName != nil && slices.Contains(p.DeniedClasses, *s.RuntimeClassName)
}

// helper is what the policy has for a helper; nil if that cannot be injected.
func (p *Policy) helper(name string) *rule.Helper {
	if hp := p.Helpers[name]; hp != nil {
		return hp
	}
	return p.Unlisted[name]
}
