// SPDX-License-Identifier: Apache-2.0

package main

// helperInfo is a helper as it is told to people and scripts.
type helperInfo struct {
	Name    string       `json:"name"`
	Doc     string       `json:"doc"`
	Single  bool         `json:"single,omitempty"` // a pod has one at most
	Options []optionInfo `json:"options"`
	Policy  string       `json:"policy,omitempty"`  // name of the policy that was given
	Allowed *bool        `json:"allowed,omitempty"` // by it
	// AllowedBy are the policies that allow it, where there are several.
	AllowedBy []string `json:"allowedBy,omitempty"`
	// Privileges are what a helper that the platform defines needs beyond Pod Security's restricted.
	Privileges []string `json:"privileges,omitempty"`
	Engine     string   `json:"engine,omitempty"` // that it chose, unless it is our own program
	// Reach is how the policy has servers reached.
	Reach *reachInfo `json:"reach,omitempty"`

	Added       []additionInfo `json:"added,omitempty"`       // by the policy, to pods that do not ask
	PolicyFacts *policyFacts   `json:"policyFacts,omitempty"` // the same for all helpers
}

type optionInfo struct {
	Name     string   `json:"name"`
	Key      string   `json:"key"` // of the annotation
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Default  string   `json:"default,omitempty"`
	Min      string   `json:"min,omitempty"`
	Max      string   `json:"max,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Example  string   `json:"example,omitempty"`
	Doc      string   `json:"doc"`
	Engine   string   `json:"engine,omitempty"` // what is different with the policy's engine

	Rule      string       `json:"rule,omitempty"`      // what the policy says of it
	Rules     []optionRule `json:"rules,omitempty"`     // what each of several says
	Effective string       `json:"effective,omitempty"` // what a pod that says nothing gets under the policy
}

// optionRule is what one policy of several says of an option.
type optionRule struct {
	Policy string `json:"policy"`
	Rule   string `json:"rule"`
}
