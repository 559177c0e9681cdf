// SPDX-License-Identifier: Apache-2.0

package helperimport

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

func (im *importer) ports() {
	for _, p := range im.from.Ports {
		if p.HostPort != 0 {
			im.note("container.ports %d: no helper has a port of the node; hostPort is left out", p.ContainerPort)
		}
		protocol := ""
		switch p.Protocol {
		case corev1.ProtocolUDP:
			protocol = "UDP"
		case corev1.ProtocolSCTP:
			im.note("container.ports %d: a definition has TCP and UDP", p.ContainerPort)
			continue
		}
		im.to.Spec.Container.Ports = append(im.to.Spec.Container.Ports, defined.Port{Name: p.Name, Port: defined.Value{Literal: strconv.Itoa(int(p.ContainerPort))}, Protocol: protocol})
	}
}

func (im *importer) probes(initial bool) {
	k := &im.to.Spec.Container
	for _, one := range []struct {
		name string
		from *corev1.Probe
		to   **defined.Probe
	}{{"startupProbe", im.from.StartupProbe, &k.StartupProbe}, {"readinessProbe", im.from.ReadinessProbe, &k.ReadinessProbe}, {"livenessProbe", im.from.LivenessProbe, &k.LivenessProbe}} {
		if one.from == nil {
			continue
		}
		if initial {
			im.note("container.%s: an init container has none; it is left out", one.name)
			continue
		}
		*one.to = im.probe(one.name, one.from)
	}
	if k.StartupProbe == nil && k.ReadinessProbe != nil {
		im.note("container.startupProbe: there is none, so the app starts without waiting for the helper; the readinessProbe may do for it")
	}
}

func (im *importer) probe(name string, p *corev1.Probe) *defined.Probe {
	out := &defined.Probe{InitialDelaySeconds: p.InitialDelaySeconds, PeriodSeconds: p.PeriodSeconds, TimeoutSeconds: p.TimeoutSeconds, FailureThreshold: p.FailureThreshold}
	switch {
	case p.HTTPGet != nil:
		if p.HTTPGet.Scheme == corev1.URISchemeHTTPS || p.HTTPGet.Host != "" || len(p.HTTPGet.HTTPHeaders) > 0 {
			im.note("container.%s: a definition asks over plain HTTP, without host and headers", name)
		}
		at := p.HTTPGet.Path
		if !strings.HasPrefix(at, "/") {
			at = "/" + at
		}
		out.HTTPGet = &defined.HTTPGet{Path: at, Port: im.portOf(p.HTTPGet.Port)}
	case p.TCPSocket != nil:
		out.TCPSocket = &defined.TCPSocket{Port: im.portOf(p.TCPSocket.Port)}
	case p.Exec != nil:
		out.Exec = &defined.Exec{Command: im.literals(name+".exec.command", p.Exec.Command)}
	default:
		im.note("container.%s: a definition has httpGet, tcpSocket and exec; it is left out", name)
		return nil
	}
	return out
}

// portOf is a port that a probe asks. A definition lists it.
func (im *importer) portOf(port intstr.IntOrString) defined.Value {
	k, text := &im.to.Spec.Container, port.String()
	if !slices.ContainsFunc(k.Ports, func(p defined.Port) bool { return p.Port.Literal == text || p.Name == text }) && port.Type == intstr.Int {
		k.Ports = append(k.Ports, defined.Port{Port: defined.Value{Literal: text}})
	}
	return defined.Value{Literal: text}
}

// resources takes requests and limits over. All four have to be there, and what is not is
// filled with what the others say.
func (im *importer) resources() {
	r := defined.Resources{Requests: map[string]defined.Scalar{}, Limits: map[string]defined.Scalar{}}
	from := &im.from.Resources
	for _, one := range []struct {
		name     corev1.ResourceName
		standard [2]string
	}{{corev1.ResourceCPU, [2]string{"10m", "200m"}}, {corev1.ResourceMemory, [2]string{"32Mi", "128Mi"}}} {
		name := one.name
		request, asked := from.Requests[name]
		limit, limited := from.Limits[name]
		switch {
		case !asked && limited:
			request = limit
		case !limited && asked:
			limit = request
		}
		texts := [2]string{request.String(), limit.String()}
		if !asked && !limited {
			texts = one.standard
		}
		r.Requests[string(name)], r.Limits[string(name)] = defined.Scalar(texts[0]), defined.Scalar(texts[1])
		if !asked || !limited {
			im.note("container.resources: %s has no request or no limit; they are %s and %s", name, texts[0], texts[1])
		}
	}
	for _, list := range []corev1.ResourceList{from.Requests, from.Limits} {
		for _, name := range slices.Sorted(maps.Keys(list)) {
			if name != corev1.ResourceCPU && name != corev1.ResourceMemory {
				im.note("container.resources: %s is left out; a definition has cpu and memory", name)
			}
		}
	}
	im.to.Spec.Container.Resources = r
}

func (im *importer) security() {
	s := im.from.SecurityContext
	if s == nil {
		s = &corev1.SecurityContext{}
	}
	need := func(privilege, why string) {
		im.to.Spec.Privileges = append(im.to.Spec.Privileges, privilege)
		im.note("privileges: %s; a policy has to allow %s", why, privilege)
	}
	switch {
	case s.RunAsUser != nil && *s.RunAsUser == 0:
		need(helper.Root, "the container runs as root")
	case s.RunAsUser != nil:
		im.to.Spec.Container.RunAsUser = *s.RunAsUser
	default:
		im.note("container.runAsUser: the helper runs as the policy's user (65532) unless it is set; never as root without the privilege root")
	}
	switch {
	case s.ReadOnlyRootFilesystem == nil:
		im.note("privileges: the root file system is read-only; add writable-root if the program writes there")
	case !*s.ReadOnlyRootFilesystem:
		need(helper.WritableRoot, "the container writes into its root file system")
	}
	if s.Privileged != nil && *s.Privileged {
		im.note("container.securityContext.privileged: no helper is; it is left out")
	}
	if s.Capabilities == nil {
		return
	}
	for _, c := range s.Capabilities.Add {
		name := helper.CapabilityPrefix + strings.TrimPrefix(string(c), "CAP_")
		if slices.Contains(helper.Privileges(), name) {
			need(name, "the container adds the capability")
		} else {
			im.note("container.securityContext.capabilities: %s is beyond Pod Security's baseline, and no helper has it", c)
		}
	}
}

func (im *importer) rest() {
	if l := im.from.Lifecycle; l != nil {
		if l.PostStart != nil {
			im.note("container.lifecycle.postStart: a definition has none; it is left out")
		}
		switch p := l.PreStop; {
		case p == nil:
		case p.Exec != nil:
			im.to.Spec.Container.PreStop = &defined.PreStop{Exec: &defined.Exec{Command: literals(p.Exec.Command)}} // the kubelet expands nothing here
		case p.Sleep != nil:
			im.to.Spec.Container.PreStop = &defined.PreStop{Sleep: &defined.Sleep{Seconds: p.Sleep.Seconds}}
		default:
			im.note("container.lifecycle.preStop: a definition has exec and sleep; it is left out")
		}
	}
	if im.from.TerminationMessagePolicy == corev1.TerminationMessageReadFile {
		im.to.Spec.Container.TerminationMessagePolicy = "File"
	}
	for _, field := range []struct {
		name  string
		there bool
	}{{"workingDir", im.from.WorkingDir != ""}, {"volumeDevices", len(im.from.VolumeDevices) > 0}, {"tty", im.from.TTY}, {"stdin", im.from.Stdin}} {
		if field.there {
			im.note("container.%s: a definition has no such field; it is left out", field.name)
		}
	}
}
