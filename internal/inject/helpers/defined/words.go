// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// words checks the words of a command line.
func (c *compiler) words(words []Value, options bool, at *field.Path) {
	for i := range words {
		if words[i].Option != "" && options {
			c.option(words[i].Option, at.Index(i).Child("option"))
		}
		if prefix := words[i].Prefix; prefix != "" && strings.Trim(prefix, "-") == "" {
			c.wrong(field.Forbidden(at.Index(i).Child("prefix"), "lets the value choose the program's flag; write the flag out, such as --name="))
		}
		if words[i].Option == "" && strings.ContainsRune(words[i].Literal, 0) {
			c.wrong(field.Invalid(at.Index(i), words[i].Literal, "must not contain NUL"))
		}
	}
}

func (c *compiler) code(words []Value, own bool, at func(i int) *field.Path) {
	if i, by := readsAsCode(words, own); i >= 0 {
		c.wrong(field.Forbidden(at(i), fmt.Sprintf("the value of the option %s would be read by %s as code; give it in an argument or a variable of a program that takes it as data", words[i].Option, by)))
	}
}

func (c *compiler) exec(e *Exec, at *field.Path) {
	if len(e.Command) == 0 {
		c.wrong(field.Required(at, "name the program"))
	}
	c.words(e.Command, true, at)
	c.code(e.Command, true, at.Index)
}
