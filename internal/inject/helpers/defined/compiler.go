// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// compiler collects what is wrong with a definition.
type compiler struct {
	errs    field.ErrorList
	declare []option.Option
	used    map[string]bool
}

func (c *compiler) wrong(err *field.Error) { c.errs = append(c.errs, err) }

// oneLine is a description without the line ends of the file.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// longestInstance is "-" and the longest name of an instance.
const longestInstance = 1 + helper.MaxInstance

// length denies a name that is too long once an instance stands behind it.
func (c *compiler) length(name string, d *Definition, at *field.Path, what string) {
	long := len(name)
	if !d.Spec.Single {
		long += longestInstance
	}
	if long > validation.DNS1123LabelMaxLength {
		c.wrong(field.Invalid(at, d.Metadata.Name, fmt.Sprintf("makes the name of %s %d characters long with the longest instance, and Kubernetes takes %d; choose a shorter one, or set single: true", what, long, validation.DNS1123LabelMaxLength)))
	}
}

// option finds an option that a value names and notes that it is used.
func (c *compiler) option(name string, at *field.Path) *option.Option {
	var names []string
	for i := range c.declare {
		if names = append(names, c.declare[i].Name); c.declare[i].Name == name {
			c.used[name] = true
			return &c.declare[i]
		}
	}
	c.wrong(field.NotFound(at, fmt.Sprintf("%s; the options are %s%s", name, option.JoinAnd(names), nearmiss.DidYouMean(nearmiss.Nearest(name, names)))))
	return nil
}

// value checks what is a literal that a kind can read, or an option of that kind.
func (c *compiler) value(v *Value, kind *option.Kind, at *field.Path) {
	switch {
	case v.Option != "":
		o := c.option(v.Option, at.Child("option"))
		if o != nil && o.Kind.Name != "" && o.Kind.Name != kind.Name {
			c.wrong(field.Invalid(at.Child("option"), v.Option, fmt.Sprintf("is of the type %s; this has to be of the type %s", o.Kind.Name, kind.Name)))
		}
		if v.Prefix != "" {
			c.wrong(field.Forbidden(at.Child("prefix"), "only arguments and variables have a prefix"))
		}
	default:
		if read, err := kind.Read(v.Literal); err != nil {
			c.wrong(field.Invalid(at, v.Literal, err.Error()))
		} else {
			v.Literal = read.Text
		}
	}
}
