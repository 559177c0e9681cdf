// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/linediff"
)

// View is what the page shows of a cluster. All texts in it are printable.
type View struct {
	Cluster    string // whom the page is about: the context of the kubeconfig
	Scope      string // "all namespaces", or "namespace shop"
	Time       string // when it was so
	Error      string // why there is nothing to see
	Notes      []string
	Counts     []Count
	Attention  int // pods that lack what they ask for
	Total      int // pods that have to do with helpers
	Pods       []Pod
	Namespaces []Namespace
	Policies   []Policy
}

// Count is how many pods are in a state.
type Count struct {
	State explain.State
	Good  bool
	N     int
}

// Pod is a row of the table.
type Pod struct {
	explain.Pod
	Well    bool
	Age     string
	Commits []Commit
}

// ID names the row on the page.
func (p *Pod) ID() string { return p.Namespace + "/" + p.Name }

// Commit is what one git-poller of a pod publishes.
type Commit struct {
	Helper string
	Commit string // short; "-" for none
	Age    string // since it was known to be the newest; "-" if it is not known
	Error  string // why polls fail, or why nothing is known
}

// Namespace is one whose pods are shown, or that picks a policy.
type Namespace struct {
	Name, Policy string
	Why          string // how the policy is chosen
	Pods         int
}

// Policy is one that is in force.
type Policy struct {
	Name, Hash, Source string
	Facts              [][]string // of all helpers: what, and how it is
	Helpers            []Helper
}

// Helper is one that a policy allows.
type Helper struct {
	Name, Doc string
	Added     []string // sentences about pods that get it without asking
	Rules     [][]string
}

// Verdict is what would become of a manifest. All texts in it are printable.
type Verdict struct {
	Error   string // why it cannot be judged
	Line    int    // of the error; 0 if not known
	Objects []Object
	Notes   []string
}

// Object is one that makes pods.
type Object struct {
	Name     string // Deployment/web
	Good     bool
	Doubtful bool // it is good, and has warnings
	Result   string
	Reason   string
	Meaning  string
	Policy   string
	Why      string // how the policy was chosen
	Problems []Problem
	Warnings []string
	Changes  []explain.Change
	Hunks    []linediff.Hunk
}

// Problem is what is wrong, with the line of the manifest; 0 if there is none.
type Problem struct {
	Line int
	Text string
	Link string // to the documentation; "" if there is none
}
