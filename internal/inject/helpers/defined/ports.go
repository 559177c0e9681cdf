// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

func (c *compiler) ports(k *Container, at *field.Path) {
	for i := range k.Ports {
		p, at := &k.Ports[i], at.Child("ports").Index(i)
		c.value(&p.Port, &option.Port, at.Child("port"))
		if p.Name != "" && len(validation.IsValidPortName(p.Name)) > 0 {
			c.wrong(field.Invalid(at.Child("name"), p.Name, "must be at most 15 lower-case letters, digits or '-', with a letter"))
		}
		if p.Protocol != "" && p.Protocol != "TCP" && p.Protocol != "UDP" {
			c.wrong(field.NotSupported(at.Child("protocol"), p.Protocol, []string{"TCP", "UDP"}))
		}
		for j := range k.Ports[:i] {
			if k.Ports[j].Port == p.Port && k.Ports[j].Protocol == p.Protocol || p.Name != "" && k.Ports[j].Name == p.Name {
				c.wrong(field.Duplicate(at, p.Name))
			}
		}
	}
	for _, p := range k.probes() {
		c.probe(k, p.probe, at.Child(p.name))
	}
}

// probes are those that the container has, in one order.
func (k *Container) probes() []namedProbe {
	all := []namedProbe{{"startupProbe", k.StartupProbe}, {"readinessProbe", k.ReadinessProbe}, {"livenessProbe", k.LivenessProbe}}
	return slices.DeleteFunc(all, func(p namedProbe) bool { return p.probe == nil })
}

func (c *compiler) probe(k *Container, p *Probe, at *field.Path) {
	handlers := 0
	if p.HTTPGet != nil {
		handlers++
		c.probePort(k, &p.HTTPGet.Port, at.Child("httpGet", "port"))
		if !strings.HasPrefix(p.HTTPGet.Path, "/") {
			c.wrong(field.Invalid(at.Child("httpGet", "path"), p.HTTPGet.Path, "must begin with /"))
		}
	}
	if p.TCPSocket != nil {
		handlers++
		c.probePort(k, &p.TCPSocket.Port, at.Child("tcpSocket", "port"))
	}
	if p.Exec != nil {
		handlers++
		c.exec(p.Exec, at.Child("exec", "command"))
	}
	if handlers != 1 {
		c.wrong(field.Invalid(at, "", "must have one of httpGet, tcpSocket and exec"))
	}
	for _, number := range []struct {
		name string
		n    int32
	}{{"initialDelaySeconds", p.InitialDelaySeconds}, {"periodSeconds", p.PeriodSeconds}, {"timeoutSeconds", p.TimeoutSeconds}, {"failureThreshold", p.FailureThreshold}} {
		if number.n < 0 {
			c.wrong(field.Invalid(at.Child(number.name), number.n, "must not be negative"))
		}
	}
}

// probePort finds the port of the container that a probe means, and writes its number or option.
func (c *compiler) probePort(k *Container, v *Value, at *field.Path) {
	for i := range k.Ports {
		p := &k.Ports[i]
		if p.Protocol != "UDP" && (v.Option != "" && v.Option == p.Port.Option || v.Option == "" && v.Literal != "" && (v.Literal == p.Name || v.Literal == p.Port.Literal)) {
			*v = p.Port
			return
		}
	}
	c.wrong(field.Invalid(at, v.Literal+v.Option, "is a port that the container does not have; list it under ports"))
}

// number is that of a literal port, which has been read once.
func number(text string) int32 { n, _ := strconv.ParseInt(text, 10, 32); return int32(n) }

// namedProbe is a probe and the field that it stands in.
type namedProbe struct {
	name  string
	probe *Probe
}
