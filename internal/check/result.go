// SPDX-License-Identifier: Apache-2.0

package check

// Link names a link of the chain. The set is closed.
type Link string

// The links. The reference lists them with the sentences of [Links].
const (
	APIServer     Link = "api-server"
	Nodes         Link = "nodes"
	Configuration Link = "configuration"
	Entries       Link = "entries"
	Settings      Link = "settings"
	Warnings      Link = "warnings"
	Namespaces    Link = "namespaces"
	Service       Link = "service"
	CertManager   Link = "cert-manager"
	Secret        Link = "secret"
	CABundle      Link = "ca-bundle"
	Replicas      Link = "replicas"
	Endpoints     Link = "endpoints"
	Served        Link = "served-certificate"
	Budget        Link = "disruption-budget"
	Pods          Link = "pods"
	Permissions   Link = "permissions"
)

// LinkDoc is one row of the reference.
type LinkDoc struct {
	Link Link
	Doc  string
}

// Links lists the closed set in the order in which it is looked at.
func Links() []LinkDoc {
	var all []LinkDoc
	for _, s := range steps() {
		all = append(all, LinkDoc{s.link, s.doc})
	}
	return all
}

// Outcome is what became of a link.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Warning Outcome = "warning" // it works, and somebody should know
	Failed  Outcome = "failed"  // pods do not get what they ask for, or are denied
	Skipped Outcome = "skipped" // it was not checked, and need not be
	Unknown Outcome = "unknown" // it could not be checked, and nothing else reports whether it holds
)

// Result is one remark about a link. A link has at least one, and one for each trouble.
type Result struct {
	Name    Link    `json:"name"`
	Outcome Outcome `json:"result"`
	Message string  `json:"message"`
	Remedy  string  `json:"remedy,omitempty"` // a command, or a sentence
}
