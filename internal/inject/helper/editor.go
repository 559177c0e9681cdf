// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Terms are what a policy says to all helpers of a pod.
type Terms struct {
	Policy string   // its name
	Warn   bool     // it warns of what it would deny
	GVisor []string // the RuntimeClasses that run pods in gVisor
}

// Editor is how helpers ask for what a pod needs of them: containers, volumes, mounts, a
// command prefix, and settings that the pod does not have yet. It cannot express
// anything else, so nothing that a user wrote can be changed or lost. It also keeps helpers out
// of each other's way: the second helper at a path, a volume or a port is denied.
//
// One editor serves all helpers of one pod, one after the other.
type Editor struct {
	spec  *pod.Spec
	notes map[string]string // the pod's annotations
	root  *field.Path       // of the pod or pod template; nil for a pod
	terms Terms

	requests []*Request // all of them, the one that is being built included
	request  *Request   // the one that is being built
	rules    *rule.Helper
	settings []string // that it adds, for the status

	plan     plan.Plan
	statuses []Status
	problems []reason.Problem
	warnings []string

	claims     map[pod.Ref][]claim          // who mounts what where, for conflicts between helpers
	shares     []share                      // the volumes that containers of the app get
	ourMounts  map[string]bool              // the volumes that containers of ours mount; nil until asked for
	env        map[envAt]envSet             // variables that helpers add
	ports      map[int32]string             // who listens where in the pod; nil until a helper wants to know
	addedBy    []*Request                   // of each volume of added
	added      []string                     // names of the volumes of ours, whether new or there already
	disk       []string                     // those of them that lie on the node's disk
	sizes      map[string]resource.Quantity // of those
	guaranteed bool

	inMemory, onDisk Sized // what the policy limits
}

// claim remembers that a helper uses a volume at a path of one container.
type claim struct {
	request *Request
	path    string
	volume  string
}

// envAt is a variable of a container.
type envAt struct {
	ref  pod.Ref
	name string
}

// envSet is the value that a helper gives to a variable.
type envSet struct {
	request *Request
	value   string
}

// share remembers which containers of the app get a volume at a path.
type share struct {
	request *Request
	volume  string
	path    string
	content bool // what the helper fills for the app to read
	targets []pod.Target
}

// Sized is the volumes of one kind that helpers add, and their sizes together.
type Sized struct {
	Names []string
	Total resource.Quantity
}

// NewEditor is an editor for the pod, or the pod template that lies at root.
func NewEditor(p *pod.Pod, terms Terms, requests []*Request, root *field.Path) *Editor {
	return &Editor{
		spec: &p.Spec, notes: p.Metadata.Annotations, terms: terms, root: root, requests: requests, guaranteed: p.Spec.Guaranteed(),
		added: make([]string, 0, 4), addedBy: make([]*Request, 0, 4), disk: make([]string, 0, 4), // as many as most pods get
	}
}

// Add lets the helper of a request add itself, under the rules that the policy has for it. It
// returns what is in the way.
func (e *Editor) Add(r *Request, rules *rule.Helper) []reason.Problem {
	e.request, e.rules, e.settings = r, rules, nil
	before := len(e.problems)
	for _, text := range r.idle() {
		e.Warn(text)
	}
	build := r.Helper.Build
	if engine := r.Helper.Engine(rules.Engine); engine != nil {
		build = engine.Build
	}
	build(e, r)
	return e.problems[before:]
}

// Request is what the pod asks of a helper and instance, nil for nothing; and the names of all
// that it asks for, as in the front of an annotation key.
func (e *Editor) Request(name, instance string) (found *Request, names []string) {
	for _, r := range e.requests {
		key := r.Helper.Name
		if r.Instance != "" {
			key = r.Instance + "." + key
		}
		if names = append(names, key); r.Helper.Name == name && r.Instance == instance {
			found = r
		}
	}
	return found, names
}

// Spec is the pod's own, which is to be read only.
func (e *Editor) Spec() *pod.Spec { return e.spec }

// Rules are what the policy has for the helper.
func (e *Editor) Rules() *rule.Helper { return e.rules }

// Policy is the name of the policy, for an error message.
func (e *Editor) Policy() string { return e.terms.Policy }

// Lenient reports whether the policy warns of what it would deny.
func (e *Editor) Lenient() bool { return e.terms.Warn }

// Root is where the pod lies in its workload, for an error message on the pod's own fields.
func (e *Editor) Root() *field.Path { return e.root }

// InGVisor reports whether the pod runs in gVisor.
func (e *Editor) InGVisor() bool {
	class := e.spec.RuntimeClassName
	return class != nil && slices.Contains(e.terms.GVisor, *class)
}

// Asked reports whether any helper of the pod has a value for an option of this name.
func (e *Editor) Asked(option string) bool {
	return slices.ContainsFunc(e.requests, func(r *Request) bool { return r.Has(option) })
}

// SharesProcesses reports whether the containers of the pod see each other's processes, or a
// helper is asked to see to it.
func (e *Editor) SharesProcesses() bool {
	shared := e.spec.ShareProcessNamespace
	return shared != nil && *shared || e.spec.HostPID || slices.ContainsFunc(e.requests, func(r *Request) bool { return r.Value(Process).Bool() })
}

// Deny says why the pod is denied.
func (e *Editor) Deny(p reason.Problem) { e.problems = append(e.problems, p) }

// DenyOnce is [Editor.Deny] for what several helpers would say.
func (e *Editor) DenyOnce(p reason.Problem) {
	if !slices.ContainsFunc(e.problems, func(have reason.Problem) bool { return have.Error.Error() == p.Error.Error() }) {
		e.Deny(p)
	}
}

// Problems are why the pod is denied, as far as its helpers have said so.
func (e *Editor) Problems() []reason.Problem { return e.problems }

// Warn says something to the person who made the request; at most 120 characters.
func (e *Editor) Warn(text string) { e.warnings = append(e.warnings, "pillion: "+text) }

// Setting notes for the status a setting of the pod that the helper sees to.
func (e *Editor) Setting(text string) { e.settings = append(e.settings, text) }

// Settings are those that the helper has noted.
func (e *Editor) Settings() []string { return e.settings }

// Report notes for the status what the helper put into the pod.
func (e *Editor) Report(statuses ...Status) {
	for i := range statuses {
		e.request.leave(&statuses[i])
	}
	e.statuses = append(e.statuses, statuses...)
}

// Done reports a helper whose container and volumes are planned. containers are those of the
// app that take part.
func (e *Editor) Done(r *Request, volumes, containers []string) {
	if !r.Helper.Needs(Token) {
		volumes = append(volumes, NoTokenVolume)
	}
	e.Report(Status{
		Helper: r.Helper.Name, Instance: r.Instance, Container: pod.ReservedPrefix + r.Name(),
		Volumes: volumes, Settings: e.settings, Containers: containers, Reason: r.Reason,
	})
}

// Wrap puts a prefix before the command of a container, unless it is there. have is how
// many words of the command are an earlier wrapper of ours.
func (e *Editor) Wrap(t pod.Target, words []string, have int) {
	if !slices.Equal(t.Command[:have], words) {
		e.plan.Commands = append(e.plan.Commands, plan.Wrap{Container: t.Ref, Wrapper: words, Renew: have})
	}
}

// HugePages gives a container of the app a limit that it does not have.
func (e *Editor) HugePages(limit plan.HugePages) {
	e.plan.HugePages = append(e.plan.HugePages, limit)
}

// Sysctl gives the pod a sysctl that it does not set itself.
func (e *Editor) Sysctl(name, value string) {
	e.plan.Settings.Sysctls = append(e.plan.Settings.Sysctls, corev1.Sysctl{Name: name, Value: value})
}

// FSGroup gives the pod a group that it does not set itself.
func (e *Editor) FSGroup(gid int64) { e.plan.Settings.FSGroup = &gid }

// ShareProcesses gives the pod one process namespace, which it does not set itself.
func (e *Editor) ShareProcesses() { e.plan.Settings.ShareProcesses = true }
