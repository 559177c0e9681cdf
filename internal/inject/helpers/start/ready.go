// SPDX-License-Identifier: Apache-2.0

package start

import (
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// up is what a container waits for that waits for a helper: a port or a file by which the
// helper shows that it is up. It is nil where there is nothing to wait for, since Kubernetes
// starts the app after the helper anyway, or where something is wrong, which has been said then.
func up(e *helper.Editor, r *helper.Request, p *pair) *condition {
	instance, name, found := strings.Cut(p.condition.helper, ".")
	if !found {
		instance, name = "", instance
	}
	deny := func(format string, args ...any) *condition {
		e.Deny(reason.Invalid(reason.Contradiction, r.Path(after), p.name+"="+p.condition.text, format, args...))
		return nil
	}
	other, names := e.Request(name, instance)
	switch {
	case name == r.Helper.Name:
		return deny("start is no helper that runs; wait for what the container needs")
	case other == nil:
		return deny("the pod asks for no helper %s%s", p.condition.helper, nearmiss.DidYouMean(nearmiss.Nearest(p.condition.helper, names)))
	case !other.Complete():
		return nil // which has been said
	}
	var text string
	held := true
	if other.Helper.Up != nil {
		text, held = other.Helper.Up(other, p.name)
	}
	if held {
		e.Warn(shortened("start: %s starts after the helper it waits for anyway", p.name))
	}
	if text == "" && !held {
		return deny("%s has no port and no file by which %s could tell that it is up; let the app wait for it (option wait), or wait for something that it makes, such as file:/path", other.Name(), p.name)
	}
	c, err := parseCondition(text)
	if err != nil {
		return nil // none, or a path that the wrapper does not know, of a helper that is held back anyway
	}
	return &c
}
