// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// order checks what says when the helper starts.
func (c *compiler) order(s *Spec, at *field.Path) {
	if s.Position != nil {
		if o := c.optionOf(s.Position, at.Child("position")); o != nil && !slices.Equal(slices.Sorted(slices.Values(o.Kind.Choices)), []string{"first", "last"}) {
			c.wrong(field.Invalid(at.Child("position"), o.Name, "must be an option of type choice with the choices first and last"))
		} else if s.Position.Option == "" && s.Position.Literal != "first" && s.Position.Literal != "last" {
			c.wrong(field.NotSupported(at.Child("position"), s.Position.Literal, []string{"first", "last"}))
		}
	}
	if s.Run == "Init" {
		if s.Wait != nil {
			c.wrong(field.Forbidden(at.Child("wait"), "is for sidecars: an init container has ended before the app starts"))
		}
		for _, p := range s.Container.probes() {
			c.wrong(field.Forbidden(at.Child("container", p.name), "an init container has no probes"))
		}
	}
	if s.Wait != nil {
		c.value(s.Wait, &option.Boolean, at.Child("wait"))
		if s.Container.StartupProbe == nil && s.Run != "Init" && (s.Wait.Option != "" || s.Wait.Literal == "true") {
			c.wrong(field.Required(at.Child("container", "startupProbe"), "wait needs it to know when the helper is up"))
		}
	}
}

func (c *compiler) optionOf(v *Value, at *field.Path) *option.Option {
	if v.Option == "" {
		return nil
	}
	return c.option(v.Option, at.Child("option"))
}
