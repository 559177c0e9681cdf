// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// maxGrace bounds how long a helper may take to stop, in seconds.
const maxGrace = 3600

func (c *compiler) container(s *Spec, at *field.Path) {
	k := &s.Container
	if k.Image == "" || option.PlainText(k.Image) != nil || strings.Contains(k.Image, " ") {
		c.wrong(field.Invalid(at.Child("image"), k.Image, "must be an image reference, such as registry.example/log-shipper:4.0.3"))
	}
	c.words(k.Command, true, at.Child("command"))
	c.words(k.Args, true, at.Child("args"))
	c.code(slices.Concat(k.Command, k.Args), len(k.Command) > 0, func(i int) *field.Path {
		if i < len(k.Command) {
			return at.Child("command").Index(i)
		}
		return at.Child("args").Index(i - len(k.Command))
	})
	var names []string
	for i := range k.Env {
		e, at := &k.Env[i], at.Child("env").Index(i)
		if slices.Contains(names, e.Name) {
			c.wrong(field.Duplicate(at.Child("name"), e.Name))
		}
		names = append(names, e.Name)
		c.variable(e, at)
	}
	c.mounts(s, at.Child("mounts"))
	c.ports(k, at)
	if k.RunAsUser < 0 || k.RunAsUser > 1<<31-1 {
		c.wrong(field.Invalid(at.Child("runAsUser"), k.RunAsUser, "must be a number from 1 to 2147483647; root is a privilege"))
	}
	if p := k.TerminationMessagePolicy; p != "" && p != "File" && p != "FallbackToLogsOnError" {
		c.wrong(field.NotSupported(at.Child("terminationMessagePolicy"), p, []string{"FallbackToLogsOnError", "File"}))
	}
	c.stop(s, at)
}

// stop checks what happens at the end.
func (c *compiler) stop(s *Spec, at *field.Path) {
	p, grace := s.Container.PreStop, s.Container.GracePeriodSeconds
	if grace < 0 || grace > maxGrace {
		c.wrong(field.Invalid(at.Child("gracePeriodSeconds"), grace, "must be from 1 to 3600"))
	}
	if grace != 0 && s.Run == "Init" {
		c.wrong(field.Forbidden(at.Child("gracePeriodSeconds"), "is for sidecars"))
	}
	if p != nil {
		if (p.Exec == nil) == (p.Sleep == nil) {
			c.wrong(field.Invalid(at.Child("preStop"), "", "must have one of exec and sleep"))
		}
		if p.Exec != nil {
			c.exec(p.Exec, at.Child("preStop", "exec", "command"))
		}
		if p.Sleep != nil && (p.Sleep.Seconds < 1 || p.Sleep.Seconds > maxGrace) {
			c.wrong(field.Invalid(at.Child("preStop", "sleep", "seconds"), p.Sleep.Seconds, "must be from 1 to 3600"))
		} else if p.Sleep != nil && grace > 0 && p.Sleep.Seconds > grace {
			c.wrong(field.Invalid(at.Child("gracePeriodSeconds"), grace, fmt.Sprintf("includes preStop, which takes %d seconds", p.Sleep.Seconds)))
		}
		if s.Run == "Init" {
			c.wrong(field.Forbidden(at.Child("preStop"), "is for sidecars"))
		}
	}
}

func (c *compiler) variable(e *Env, at *field.Path) {
	if len(validation.IsCIdentifier(e.Name)) > 0 {
		c.wrong(field.Invalid(at.Child("name"), e.Name, "must be letters, digits and '_', not beginning with a digit"))
	}
	sources := 0
	if e.Value != nil {
		sources++
	}
	if e.Option != "" {
		sources++
		c.option(e.Option, at.Child("option"))
		if codeVar.MatchString(e.Name) {
			c.wrong(field.Forbidden(at.Child("option"), e.Name+" is read by shells, interpreters or the loader as code or as where to find it, so no pod may set it; write a literal value"))
		}
	} else if e.Prefix != "" {
		c.wrong(field.Required(at.Child("option"), "a prefix stands before an option"))
	}
	if e.FieldRef != "" {
		sources++
		if refs := FieldRefs(); !slices.Contains(refs, e.FieldRef) {
			c.wrong(field.NotSupported(at.Child("fieldRef"), e.FieldRef, refs))
		}
	}
	if sources != 1 {
		c.wrong(field.Invalid(at, e.Name, "must have one of value, option and fieldRef"))
	}
}

// FieldRefs are the fields of the pod that a variable can have.
func FieldRefs() []string {
	return []string{"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.hostIP"}
}

func (c *compiler) appEnv(s *Spec, at *field.Path) {
	var names []string
	for i := range s.AppEnv {
		e := &s.AppEnv[i]
		if slices.Contains(names, e.Name) {
			c.wrong(field.Duplicate(at.Index(i).Child("name"), e.Name))
		}
		names = append(names, e.Name)
		c.variable(&Env{Name: e.Name, Value: e.Value, Prefix: e.Prefix, Option: e.Option}, at.Index(i))
	}
}

func (c *compiler) resources(r *Resources, at *field.Path) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for i, list := range []map[string]Scalar{r.Requests, r.Limits} {
		name := []string{"requests", "limits"}[i]
		to := []corev1.ResourceList{out.Requests, out.Limits}[i]
		for _, key := range slices.Sorted(maps.Keys(list)) {
			q, err := resource.ParseQuantity(string(list[key]))
			switch {
			case key != "cpu" && key != "memory":
				c.wrong(field.Forbidden(at.Child(name).Key(key), "only cpu and memory can be set"))
			case err != nil || q.Sign() <= 0:
				c.wrong(field.Invalid(at.Child(name).Key(key), string(list[key]), "must be a positive quantity, such as 100m or 64Mi"))
			default:
				to[corev1.ResourceName(key)] = q
			}
		}
		for _, key := range []string{"cpu", "memory"} {
			if _, has := list[key]; !has {
				c.wrong(field.Required(at.Child(name).Key(key), "every helper has CPU and memory requests and limits"))
			}
		}
	}
	for _, key := range []corev1.ResourceName{"cpu", "memory"} {
		if request, limit := out.Requests[key], out.Limits[key]; limit.Sign() > 0 && request.Cmp(limit) > 0 {
			c.wrong(field.Invalid(at.Child("requests").Key(string(key)), request.String(), "is above the limit, "+limit.String()))
		}
	}
	return out
}
