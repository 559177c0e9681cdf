// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// AppEnv gives a container of the app a variable that it does not have. One that it has with
// another value is in the way, unless the helper is in the pod already: then somebody set it
// after the pod was admitted, and it stays.
func (e *Editor) AppEnv(r *Request, t pod.Target, name, value string) {
	deny := func(format string, args ...any) {
		e.Deny(reason.Invalid(reason.Contradiction, r.AnyPath(), r.Name(), format, args...))
	}
	at := envAt{t.Ref, name}
	if other, set := e.env[at]; set {
		if other.value != value {
			deny("sets the variable %s of container %q to %q, and %s sets it to %q; ask for one of the two", name, t.Name, value, other.request.Name(), other.value)
		}
		return
	}
	if e.env == nil {
		e.env = map[envAt]envSet{}
	}
	e.env[at] = envSet{r, value}
	vars, _ := t.Vars()
	for i := range vars {
		have := &vars[i]
		if have.Name != name {
			continue
		}
		if (have.Value != value || have.ValueFrom != nil) && e.spec.InitContainer(pod.ReservedPrefix+r.Name()) == plan.Insert {
			deny("sets the variable %s to %q, and container %q sets it to %s; remove one of the two", name, value, t.Name, shownEnv(have))
		}
		return
	}
	e.plan.Env = append(e.plan.Env, plan.Env{Container: t.Ref, Var: corev1.EnvVar{Name: name, Value: value}})
}

// shownEnv does not repeat the value, which can be a secret.
func shownEnv(v *pod.EnvVar) string {
	if v.ValueFrom != nil {
		return "a value from elsewhere (valueFrom)"
	}
	return fmt.Sprintf("another value of %d bytes", len(v.Value))
}

// denySameName denies two helpers whose objects would have one name, as those of the
// instance "b" of "a" and those of "a-b".
func (e *Editor) denySameName(volume string, owner *Request) {
	switch {
	case volume == NoTokenVolume:
		e.DenyOnce(reason.Invalid(reason.Contradiction, e.request.AnyPath(), e.request.Name(), "has a volume %q, which helpers have in place of the ServiceAccount token; rename the instance", volume))
	case owner.Helper.Image != "" || e.request.Helper.Image != "":
		e.DenyOnce(reason.Invalid(reason.Contradiction, e.request.AnyPath(), e.request.Name(), "has a volume %q, as %s has; rename the instance", volume, describeRequest(owner)))
	}
}

// denySameContainer is [Editor.denySameName] for containers.
func (e *Editor) denySameContainer(r *Request, name string) {
	for i := range e.statuses {
		if s := &e.statuses[i]; s.Container == name {
			e.DenyOnce(reason.Invalid(reason.Contradiction, r.AnyPath(), r.Name(), "has a container %q, as helper %s with the instance %q has; rename the instance", name, s.Helper, s.Instance))
		}
	}
}

func describeRequest(r *Request) string {
	return fmt.Sprintf("helper %s with the instance %q", r.Helper.Name, r.Instance)
}
