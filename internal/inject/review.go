// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// review applies the policy to what a pod asks for: denies, and fills in defaults.
func review(p *Policy, of *pod.Pod, requests []*helper.Request, root *field.Path) []reason.Problem {
	var problems []reason.Problem
	if of.Spec.HostNetwork && !p.HostNetwork && len(requests) > 0 {
		problems = append(problems, reason.Forbidden(reason.HostNetwork, root.Child("spec", "hostNetwork"),
			"policy %q does not allow helpers in pods that use the node's network (%s); %s", p.Name, requests[0].Helper.Name, p.either("remove hostNetwork", " or the annotations")).In("hostNetwork"))
	}
	if p.deniesClass(&of.Spec) && len(requests) > 0 {
		problems = append(problems, reason.Invalid(reason.RuntimeClass, root.Child("spec", "runtimeClassName"), *of.Spec.RuntimeClassName,
			"policy %q does not allow helpers in pods of this class (%s); %s", p.Name, requests[0].Helper.Name, p.either("use another one", ", or remove the annotations")).In("runtimeClasses.deny"))
	}
	for _, r := range requests {
		if p.Helpers[r.Helper.Name] == nil {
			problems = append(problems, reason.Forbidden(reason.HelperNotAllowed, r.AnyPath(),
				"policy %q does not allow %s; it allows %s%s", p.Name, r.Helper.Name, p.allowedHelpers(), remedy(r)).In("helpers"))
		}
		hp := p.helper(r.Helper.Name)
		if hp == nil {
			continue
		}
		for i := range r.Helper.Options {
			o := &r.Helper.Options[i]
			if problem := reviewOption(p, hp, r, o); problem != nil {
				problems = append(problems, ofPolicy(*problem, r, o.Name))
			}
		}
		if problem := reviewSecret(p, hp, r); problem != nil {
			problems = append(problems, *problem)
		}
		if problem := reviewEveryContainer(p, hp, r, &of.Spec); problem != nil {
			problems = append(problems, ofPolicy(*problem, r, helper.Containers))
		}
		if r.Helper.Check != nil {
			found := r.Helper.Check(r)
			addRemedy(r, found)
			problems = append(problems, found...)
		}
	}
	return problems
}

// reviewSecret holds the Secret and the repository of a request against each other.
func reviewSecret(p *Policy, hp *rule.Helper, r *helper.Request) *reason.Problem {
	if !r.Has("secret") || !r.Has("repo") {
		return nil
	}
	secret := r.Value("secret")
	err := hp.CheckSecret(secret, r.Value("repo"))
	if err == nil {
		return nil
	}
	problem := reason.Invalid(reason.ValueNotAllowed, r.Path("secret"), secret.Text, "policy %q does not allow this value: %s%s", p.Name, err, remedy(r)).In("helpers[" + r.Helper.Name + "].secrets")
	return &problem
}

// ofPolicy completes what an option's rule denies: who can change it, and how to do without a
// helper that nobody asked for.
func ofPolicy(p reason.Problem, r *helper.Request, option string) reason.Problem {
	if p.Reason == reason.ValueNotAllowed && p.PolicyField == "" {
		p.PolicyField = "helpers[" + r.Helper.Name + "].options[" + option + "]"
	}
	p.Detail += remedy(r)
	return p
}

// reviewOption checks the value that the pod gave, or fills in the one that the
// policy or the option's declaration has for it.
func reviewOption(policy *Policy, hp *rule.Helper, r *helper.Request, o *option.Option) *reason.Problem {
	is := hp.Rules[o.Name]
	if r.Given(o.Name) {
		if closed := r.Closed(o.Name); closed != nil {
			if !is.Opens(closed) {
				p := reason.Invalid(reason.InvalidValue, r.Path(o.Name), closed.Value.Text, "%s", closed).In("helpers[" + r.Helper.Name + "].options[" + o.Name + "].allow")
				return &p
			}
			r.Set(o.Name, closed.Value)
		}
		if !r.Has(o.Name) { // a value that did not parse has been reported
			return nil
		}
		v := r.Value(o.Name)
		if problem := policy.required(r, o.Name, v); problem != nil {
			return problem
		}
		if o.Listed && len(v.Names) > 0 && !is.Lists() {
			p := reason.Invalid(reason.ValueNotAllowed, r.Path(o.Name), v.Text, "policy %q does not allow %q: a pod may set what the policy's list for %s allows, and it has none", policy.Name, v.Names[0], o.Name)
			return &p
		}
		if is == nil {
			return nil
		}
		if err := is.Check(v); err != nil {
			p := reason.Invalid(reason.ValueNotAllowed, r.Path(o.Name), v.Text, "policy %q does not allow this value: %s", policy.Name, err)
			return &p
		}
		return nil
	}
	switch {
	case policy.take(r, o.Name):
	case is != nil && is.Fixed != nil:
		r.Set(o.Name, *is.Fixed)
		r.Own(o.Name, policy.path().Child("helpers").Key(r.Helper.Name).Child("options").Key(o.Name).Child("fixed"))
	case is != nil && is.Default != nil:
		r.Set(o.Name, *is.Default)
	case o.Default != "":
		v, err := rule.DefaultWithin(o, is)
		if err == nil || policy.Warn {
			r.Set(o.Name, v)
		}
		if err != nil {
			p := reason.Invalid(reason.ValueNotAllowed, r.Path(o.Name), v.Text, "policy %q does not allow the default: %s; set the annotation", policy.Name, err)
			return &p
		}
	case o.Required:
		p := reason.Missing(r.Path(o.Name), "%s needs it, such as %q", r.Helper.Name, o.Example)
		return &p
	}
	return nil
}

func (p *Policy) allowedHelpers() string {
	var names []string
	for _, h := range p.Known.All() {
		if p.Helpers[h.Name] != nil {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return "no helper at all"
	}
	return option.JoinAnd(names)
}
