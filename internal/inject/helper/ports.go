// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Listen takes the TCP port that an option of the request names for the helper's container. A
// port of the node would be fought for by every pod on it.
func (e *Editor) Listen(r *Request, option string) {
	e.listen(r, int32(r.Value(option).Int()), r.Path(option))
}

// ListenAt takes a port that a definition names.
func (e *Editor) ListenAt(r *Request, port int32) { e.listen(r, port, r.AnyPath()) }

func (e *Editor) listen(r *Request, port int32, at *field.Path) {
	if e.spec.HostNetwork {
		e.Deny(reason.Invalid(reason.Contradiction, at, strconv.Itoa(int(port)), "the pod uses the node's network, where the port may be taken; remove it"))
	}
	if e.ports == nil {
		e.ports = e.spec.Ports()
	}
	text := strconv.Itoa(int(port))
	if other := e.ports[port]; other != "" && r.Seen(e.spec) && !e.helperListens(other) { // whoever came later listens there
		e.Warn(fmt.Sprintf("%s: port %s is taken by a container that came later", r.Name(), text))
	} else if other != "" {
		e.Deny(reason.Invalid(reason.Contradiction, at, text, "%s has this port already; choose another", other))
	}
	e.ports[port] = r.Name()
}

// helperListens tells whether who has a port is another helper, and no container of the app.
func (e *Editor) helperListens(who string) bool {
	return slices.ContainsFunc(e.requests, func(r *Request) bool { return r.Name() == who })
}

// MetricsOptions are the options by which a helper's program serves metrics. They are idle
// where metrics-port is.
func MetricsOptions(idle ...option.Idle) []option.Option {
	return []option.Option{
		{
			Name: MetricsPort, Kind: option.Integer, Min: "1024", Max: "65535", Example: "9102", Idle: idle,
			Doc: "Serve the helper's metrics for Prometheus on this port. Without it there are none.",
		},
		{
			Name: metricsAddress, Kind: option.Choice("localhost", "pod"), Default: "localhost", Example: "pod",
			Idle: []option.Idle{{Option: MetricsPort}},
			Doc:  "Who can read the metrics: the containers of the pod, or whoever reaches the pod's address.",
		},
	}
}

const metricsAddress = "metrics-address"

// ServeMetrics takes the port of a request that has [MetricsPort] for its container, and is
// the address to listen at.
func (e *Editor) ServeMetrics(r *Request, c *corev1.Container) string {
	e.Listen(r, MetricsPort)
	text := r.Value(MetricsPort).Text
	if r.Value(metricsAddress).Text == "pod" {
		c.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: int32(r.Value(MetricsPort).Int()), Protocol: corev1.ProtocolTCP}}
		return ":" + text
	}
	return "127.0.0.1:" + text
}
