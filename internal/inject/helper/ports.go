// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Listen takes the TCP port that an option of the request names for the helper's container, and
// returns it. A port of the node would be fought for by every pod on it. One that is a default
// gives way, since nobody chose it for this pod: to the next that is free, or on the node's
// network to none, which is 0.
func (e *Editor) Listen(r *Request, option string) int32 {
	port := int32(r.Value(option).Int())
	if r.Defaulted(option) {
		if e.spec.HostNetwork {
			e.Warn(fmt.Sprintf("%s: without %s, since the pod uses the node's network", r.Name(), option))
			return 0
		}
		port = e.free(r, option, port)
	}
	e.listen(r, port, r.Path(option))
	return port
}

// free is the first port from one on that nobody has and no other helper is asked to have. What
// a review before this one gave stays, even if a container that came later has it.
func (e *Editor) free(r *Request, option string, from int32) int32 {
	for port := from; port < math.MaxUint16; port++ {
		other := e.taken()[port]
		later := other != "" && !e.helperListens(other) && e.hadPort(r, port)
		asked := slices.ContainsFunc(e.requests, func(o *Request) bool {
			return o.Has(option) && !o.Defaulted(option) && o.Value(option).Int() == int64(port)
		})
		if (other == "" || later) && !asked {
			return port
		}
	}
	return from // and the container that has it is named
}

// hadPort reports whether the container of the request is in the pod and listens at a port.
func (e *Editor) hadPort(r *Request, port int32) bool {
	i := e.spec.InitContainer(pod.ReservedPrefix + r.Name())
	if i == plan.Insert {
		return false
	}
	var have struct{ Args []string }
	suffix := fmt.Sprintf(":%d", port)
	return json.Unmarshal(e.spec.InitContainers[i].Raw, &have) == nil &&
		slices.ContainsFunc(have.Args, func(arg string) bool { return strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, suffix) })
}

// taken says who has which port.
func (e *Editor) taken() map[int32]string {
	if e.ports == nil {
		e.ports = e.spec.Ports()
	}
	return e.ports
}

// ListenAt takes a port that a definition names.
func (e *Editor) ListenAt(r *Request, port int32) { e.listen(r, port, r.AnyPath()) }

func (e *Editor) listen(r *Request, port int32, at *field.Path) {
	if e.spec.HostNetwork {
		e.Deny(reason.Invalid(reason.Contradiction, at, strconv.Itoa(int(port)), "the pod uses the node's network, where the port may be taken; remove it"))
	}
	text := strconv.Itoa(int(port))
	if other := e.taken()[port]; other != "" && r.Seen(e.spec) && !e.helperListens(other) { // a container that came later listens there
		e.Warn(fmt.Sprintf("%s: port %s is taken by a container that came later", r.Name(), text))
	} else if other != "" {
		e.Deny(reason.Invalid(reason.Contradiction, at, text, "%s has this port already; choose another", other))
	}
	e.ports[port] = r.Name()
}

// helperListens reports whether who has a port is another helper, and no container of the app.
func (e *Editor) helperListens(who string) bool {
	return slices.ContainsFunc(e.requests, func(r *Request) bool { return r.Name() == who })
}

// MetricsOptions are the options by which a helper's program serves metrics. They are idle
// where metrics-port is.
func MetricsOptions(idle ...option.Idle) []option.Option {
	return []option.Option{
		{
			Name: MetricsPort, Kind: option.Integer, Min: "1024", Max: "65535", Example: "9102", Idle: idle,
			Doc: "Serve the helper's metrics for Prometheus on this port. Without it there are none. Where a policy has a default, each helper of a pod takes the next port from there on that is free.",
		},
		{
			Name: metricsAddress, Kind: option.Choice("localhost", "pod"), Default: "localhost", Example: "pod",
			Idle: []option.Idle{{Option: MetricsPort}},
			Doc:  "Who can read the metrics: the containers of the pod, or every client that reaches the pod's address.",
		},
	}
}

const metricsAddress = "metrics-address"

// ServeMetrics takes a port for the container of a request that asks for metrics, unless the
// helper ends before anybody could read them, and is the address to listen at; "" for none.
func (e *Editor) ServeMetrics(r *Request, c *corev1.Container, ends bool) string {
	if !r.Has(MetricsPort) || ends {
		return ""
	}
	port := e.Listen(r, MetricsPort)
	if port == 0 {
		return ""
	}
	if r.Value(metricsAddress).Text == "pod" {
		c.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: port, Protocol: corev1.ProtocolTCP}}
		return fmt.Sprintf(":%d", port)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
