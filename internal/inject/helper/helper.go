// SPDX-License-Identifier: Apache-2.0

// Package helper says what a helper is: a declaration of all that a pod can ask of it, and a
// function that asks a small [Editor] for what the pod needs. The editor can express
// additions and nothing else.
package helper

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Domain is the one annotation domain that Pillion owns.
const Domain = pod.Domain

// MaxInstance keeps "pillion-extra-ca-git-poller-" and the instance within a DNS label's 63 bytes.
const MaxInstance = 30

// Helper declares one thing that Pillion can put beside an app: all that its users, its
// policies and its reference need to know of it, and what it adds to a pod.
type Helper struct {
	Name string // as in the annotation key, "git-poller"
	// Aliases are what people call it who know such a helper by another name. They are no names
	// of ours; an error about one of them leads here.
	Aliases []string
	Doc     string
	Options []option.Option
	// Single says that a pod has one of it at most, so that there are no instances.
	Single bool
	// Adds says for the reference what the pod gets, where that is more than a container
	// of the helper's name.
	Adds string
	// Reaches says that it talks to servers outside of the pod, so that a policy can say how.
	Reaches bool
	// FillsVolume says that the volume can grow without bound, so that a policy limits it.
	FillsVolume bool
	// Resources are those of its containers unless a policy has others.
	Resources corev1.ResourceRequirements
	// Builtin are its rules in the policy that is in force when no file is given.
	Builtin map[string]rule.Spec
	// Image is that of a helper that does not run in the image of Pillion's own, unless a policy
	// has another; "" for the helpers that Pillion brings.
	Image string
	// User is the user of the image unless a policy has another; 0 for the policy's user.
	User int64
	// Digest stands in the hash of each policy that lists the helper; "" for those that Pillion brings.
	Digest string
	// Privileges are what it needs beyond Pod Security's restricted, which a policy has to allow
	// by name.
	Privileges []string
	// Engines are programs that a policy can choose instead of our own.
	Engines []Engine

	// WithInit says that init containers and native sidecars take part as well, unless a
	// pod names the participants.
	WithInit bool
	// Ahead is greater for what goes before other helpers.
	Ahead int
	// Check reports contradictions between options of one request; nil if there can be none.
	Check func(r *Request) []reason.Problem
	// Up says how a container of the app knows that the helper is up: a condition of start that
	// another container can see, "" for none; and whether Kubernetes starts the app after the
	// helper is up anyway. Without it Kubernetes does.
	Up func(r *Request, container string) (condition string, held bool)
	// Build adds the helper's containers, volumes and mounts to the pod.
	Build func(e *Editor, r *Request)
}

// Option finds an option by its name; nil if the helper has no such option.
func (h *Helper) Option(name string) *option.Option {
	for i := range h.Options {
		if h.Options[i].Name == name {
			return &h.Options[i]
		}
	}
	return nil
}

// Offering is the helper with options that only the pods of one policy have.
func (h *Helper) Offering(options []option.Option) *Helper {
	if len(options) == 0 {
		return h
	}
	more := *h
	more.Options = slices.Concat(h.Options, options)
	return &more
}

// OptionNames are the names of the options in their order.
func (h *Helper) OptionNames() []string {
	var names []string
	for i := range h.Options {
		names = append(names, h.Options[i].Name)
	}
	return names
}

// UsualKey is the key of the option that requests the helper most often: one that is required, if
// there is one.
func (h *Helper) UsualKey(instance string) string {
	for i := range h.Options {
		if h.Options[i].Required {
			return h.Key(instance, h.Options[i].Name)
		}
	}
	return h.Key(instance, h.Options[0].Name)
}

// Key is the annotation key of an option: "git-poller.pillion.dev/repo", or
// "docs.git-poller.pillion.dev/repo" for the instance "docs".
func (h *Helper) Key(instance, option string) string {
	if instance != "" && !h.Single {
		return instance + "." + h.Name + "." + Domain + "/" + option
	}
	return h.Name + "." + Domain + "/" + option
}

// WrongInstance says what is wrong with the name of an instance; "" if nothing is.
func (h *Helper) WrongInstance(instance string) string {
	switch {
	case h.Single:
		return h.Name + " has no instances, since a pod has one at most; remove it"
	case len(instance) > MaxInstance || len(validation.IsDNS1123Label(instance)) > 0:
		return fmt.Sprintf("must be at most %d lower-case letters, digits or '-', with a letter or digit at both ends", MaxInstance)
	}
	return ""
}

// Engine finds an engine by its name; nil for our own program.
func (h *Helper) Engine(name string) *Engine {
	i := slices.IndexFunc(h.Engines, func(e Engine) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return &h.Engines[i]
}

// EngineNames are the engines as a policy writes them, the default first.
func (h *Helper) EngineNames() []string {
	names := []string{OwnEngine}
	for i := range h.Engines {
		names = append(names, h.Engines[i].Name)
	}
	return names
}

// OwnEngine is the name of our own program, of which every helper has one.
const OwnEngine = "pillion"

// Engine is another program that can do the work of a helper. It is the platform's choice,
// in a policy, and no annotation reaches it.
type Engine struct {
	Name      string                      // as a policy writes it
	Image     string                      // unless a policy names another
	User      int64                       // the one user that the image knows
	Resources corev1.ResourceRequirements // unless a policy has others
	// CheckImage says what is wrong with an image that a policy names; nil for nothing.
	CheckImage func(image string, at *field.Path) *field.Error
	// CheckReach says what it cannot do of how a policy wants servers reached.
	CheckReach func(r *rule.Reach, at *field.Path) field.ErrorList
	// Cannot are the options that it cannot do unless their value is "false", or as
	// "option=value" the values that it cannot do.
	Cannot []string
	// Build is what [Helper.Build] is for our own program.
	Build func(e *Editor, r *Request)
}
