// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
)

// Domain is the one annotation domain that Pillion owns.
const Domain = "pillion.dev"

// Kind says what values an option takes and how two of them compare.
type Kind string

// The kinds of value. Each has its parser in values.go or a file beside it.
const (
	KindBool       Kind = "boolean"          // exactly "true" or "false"
	KindInt        Kind = "integer"          // a decimal whole number
	KindDuration   Kind = "duration"         // Go syntax, such as 90s or 1h30m
	KindSize       Kind = "size"             // a Kubernetes quantity of bytes, such as 1Mi
	KindEnum       Kind = "choice"           // one of the option's Enum
	KindRepo       Kind = "repository URL"   // https, http or ssh
	KindRef        Kind = "git ref"          // branch, tag or full commit hash
	KindMountPath  Kind = "absolute path"    // where a container sees a volume
	KindSubdir     Kind = "relative path"    // below the root of a repository
	KindFileName   Kind = "file name"        // one path segment
	KindObjectName Kind = "object name"      // of a Secret or ConfigMap in the pod's namespace
	KindContainers Kind = "container names"  // comma list
	KindTimezone   Kind = "time zone"        // IANA name, such as Europe/Berlin
	KindQueues     Kind = "POSIX queues"     // comma list of /name?maxmsg=N&msgsize=N&mode=NNNN&uid=N
	KindSysV       Kind = "System V objects" // comma list of msg:KEY, sem:KEY:N and shm:KEY:SIZE
	KindFIFOs      Kind = "named pipes"      // comma list of /path?mode=NNNN&uid=N
	KindHugePages  Kind = "huge pages"       // PAGE:AMOUNT, such as 2Mi:512Mi
	KindSysctls    Kind = "sysctls"          // comma list of name=value
	KindConditions Kind = "conditions"       // comma list of container=condition
	KindUmasks     Kind = "umasks"           // comma list of container=NNNN
)

// Ordered tells whether a policy may bound values of this kind with min and max.
func (k Kind) Ordered() bool {
	return k == KindInt || k == KindDuration || k == KindSize
}

// namesContainers tells whether values of this kind name containers of one pod.
func (k Kind) namesContainers() bool {
	return k == KindContainers || k == KindConditions || k == KindUmasks
}

// Option declares one thing that a user can set on a helper. This one declaration
// drives parsing, the error texts, the policy's rules and the generated reference.
type Option struct {
	Name     string // the part of the annotation key after the slash
	Kind     Kind
	Required bool     // without a value, from the pod or the policy, the pod is refused
	Default  string   // used when neither the pod nor the policy says anything; empty means unset
	Enum     []string // the choices of a KindEnum
	Min, Max string   // hard bounds of an ordered kind, inclusive; a policy can only be narrower
	// Listed says that no value is right unless a policy's allow list has it.
	Listed bool
	// WithGitSync says for the reference what is different with the engine git-sync.
	WithGitSync string
	Example     string // a value that is right, shown in errors and in the reference
	Doc         string // one or two sentences for the reference
}

// Parse turns the text of an annotation or of a policy into a typed value.
// The error completes the sentence "the value …" and says what would be right.
func (o *Option) Parse(text string) (Value, error) {
	v, err := parseKind(o, text)
	if err != nil {
		return Value{}, err
	}
	if o.Min == "" && o.Max == "" {
		return v, nil
	}
	if lo, hi := o.bound(o.Min), o.bound(o.Max); (o.Min != "" && v.num < lo) || (o.Max != "" && v.num > hi) {
		return Value{}, fmt.Errorf("must be between %s and %s", o.Min, o.Max)
	}
	return v, nil
}

// bound reads a declared bound. Declarations are data of this package, and a test
// parses each of them, so an unreadable bound cannot reach a user.
func (o *Option) bound(text string) int64 {
	v, _ := parseKind(o, text)
	return v.num
}

// Helper declares one thing that Pillion can put beside an app.
type Helper struct {
	Name    string // as in the annotation key, "git-poller"
	Doc     string
	Options []Option
	// Single says that a pod has one of it at most, so that there are no instances.
	Single bool
	// Adds says for the reference what the pod gets, where that is more than a container
	// of the helper's name.
	Adds string
	// FillsVolume says that the volume can grow without bound, so that a policy limits it.
	FillsVolume bool
	// Engines are those that a policy can choose besides our own program.
	Engines []Engine

	// withInit says that init containers and native sidecars take part as well, unless a
	// pod names who does.
	withInit bool
	// ahead is greater for what goes before other helpers.
	ahead int
	// check reports contradictions between options of one request.
	check func(r *Request) []Problem
	// build adds the helper's container, volumes and mounts to the plan.
	build func(b *builder, r *Request)
}

// Option finds an option by its name; nil if the helper has no such option.
func (h *Helper) Option(name string) *Option {
	for i := range h.Options {
		if h.Options[i].Name == name {
			return &h.Options[i]
		}
	}
	return nil
}

// Key is the annotation key of an option: "git-poller.pillion.dev/repo", or
// "docs.git-poller.pillion.dev/repo" for the instance "docs".
func (h *Helper) Key(instance, option string) string {
	if instance != "" && !h.Single {
		return instance + "." + h.Name + "." + Domain + "/" + option
	}
	return h.Name + "." + Domain + "/" + option
}

// Helpers lists what this version can inject, in alphabetical order.
func Helpers() []*Helper { return []*Helper{&dateWriter, &gitPoller, &ipc, &start} }

// FindHelper finds a helper by its name; nil if there is none.
func FindHelper(name string) *Helper {
	for _, h := range Helpers() {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// HelperNames lists the names of all helpers for a sentence: "date-writer and git-poller".
func HelperNames() string {
	var names []string
	for _, h := range Helpers() {
		names = append(names, h.Name)
	}
	return joinAnd(names)
}

// joinAnd writes a list as people do: "a", "a and b", "a, b and c".
func joinAnd(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
