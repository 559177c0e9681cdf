// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Listen takes the TCP port that an option of the request names for the helper's container. A
// port of the node would be fought for by every pod on it.
func (e *Editor) Listen(r *Request, option string) {
	v := r.Value(option)
	port := int32(v.Int())
	if e.spec.HostNetwork {
		e.Deny(reason.Invalid(reason.Contradiction, r.Path(option), v.Text, "the pod uses the node's network, where the port may be taken; remove it"))
	}
	if e.ports == nil {
		e.ports = e.spec.Ports()
	}
	if other := e.ports[port]; other != "" && r.Seen(e.spec) && !e.helperListens(other) { // whoever came later listens there
		e.Warn(fmt.Sprintf("%s: %s of %s is taken by a container that came later", r.Name(), option, v.Text))
	} else if other != "" {
		e.Deny(reason.Invalid(reason.Contradiction, r.Path(option), v.Text, "%s has this port already; choose another", other))
	}
	e.ports[port] = r.Name()
}

// helperListens tells whether who has a port is another helper, and no container of the app.
func (e *Editor) helperListens(who string) bool {
	return slices.ContainsFunc(e.requests, func(r *Request) bool { return r.Name() == who })
}
