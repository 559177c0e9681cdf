// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func (b *builder) build(e *helper.Editor, r *helper.Request) {
	s := b.spec
	first := s.Position != nil && text(s.Position, r) == "first"
	before := len(e.Problems())
	var targets []pod.Target
	if reachesApp(s) {
		targets = e.Targets(r, first)
	}
	names := map[string]string{} // of the volumes in the pod; those without an object are missing
	var volumes []string
	for i := range s.Volumes {
		if name, ok := b.volume(e, r, i, targets); ok {
			names[s.Volumes[i].Name] = name
			volumes = append(volumes, name)
		}
	}
	c := b.container(r)
	for _, m := range s.Container.Mounts {
		if name := names[m.Volume]; name != "" {
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: m.Path, ReadOnly: m.ReadOnly})
		}
	}
	c.SecurityContext = e.Security(r)
	b.grace(e, r)
	for i := range s.AppEnv {
		v := &s.AppEnv[i]
		if value, ok := variable(v.Value, v.Prefix, v.Option, r); ok {
			for _, t := range targets {
				e.AppEnv(r, t, v.Name, helper.Literal(value))
			}
		}
	}
	if len(e.Problems()) > before {
		return
	}
	for _, p := range c.Ports {
		if p.Protocol == corev1.ProtocolTCP {
			e.ListenAt(r, p.ContainerPort)
		}
	}
	e.Container(r, c, first)
	e.Done(r, volumes, helper.TargetNames(targets))
}

// grace denies a pod that ends before the helper's preStop is over, as the API server would
// without saying why the helper sleeps, and warns of one that ends before the helper can. The time is
// the pod's own, so nothing can be added.
func (b *builder) grace(e *helper.Editor, r *helper.Request) {
	p, needs, has := b.spec.Container.PreStop, b.spec.Container.GracePeriodSeconds, int64(corev1.DefaultTerminationGracePeriodSeconds)
	if own := e.Spec().TerminationGracePeriodSeconds; own != nil {
		has = *own
	}
	switch {
	case p != nil && p.Sleep != nil && p.Sleep.Seconds > has:
		e.DenyOnce(reason.Invalid(reason.PodConflict, e.Root().Child("spec", "terminationGracePeriodSeconds"), has,
			"%s waits %d seconds before it stops, so the pod needs as many at least; set it to %[2]d or more", r.Helper.Name, p.Sleep.Seconds))
	case needs > has:
		e.Warn(fmt.Sprintf("%.28s takes up to %d seconds to stop; the pod's terminationGracePeriodSeconds is %d", r.Name(), needs, has))
	}
}

// volume adds one volume; ok is false if an option leaves it out or something is in the way.
func (b *builder) volume(e *helper.Editor, r *helper.Request, i int, targets []pod.Target) (name string, ok bool) {
	v := &b.spec.Volumes[i]
	name = volumeName(b.spec, i, r.Name())
	if v.EmptyDir != nil {
		limit, err := resource.ParseQuantity(text(v.EmptyDir.SizeLimit, r))
		if err != nil { // an option that is unset
			limit = resource.MustParse("1Gi")
		}
		own := helper.EmptyDir(name, limit)
		if v.EmptyDir.Medium == "Memory" {
			own.EmptyDir.Medium = corev1.StorageMediumMemory
		}
		if v.App == nil {
			e.Volume(own)
			return name, true
		}
		at := text(&v.App.MountPath, r)
		if at == "" {
			return "", false
		}
		return e.ShareVolume(helper.Sharing{Request: r, Option: v.App.MountPath.Option, Path: at, Targets: targets, ReadOnly: v.App.ReadOnly, Own: own, Content: true})
	}
	object, secret := v.ConfigMap, false
	if v.Secret != nil {
		object, secret = v.Secret, true
	}
	of := text(&object.Name, r)
	if of == "" {
		return "", false
	}
	var items []corev1.KeyToPath
	for _, key := range object.Keys {
		items = append(items, corev1.KeyToPath{Key: key, Path: key})
	}
	source := corev1.VolumeSource{}
	if secret {
		e.WarnReadable(r)
		source.Secret = &corev1.SecretVolumeSource{SecretName: of, Items: items, DefaultMode: new(int32(0o444)), Optional: new(false)}
	} else {
		source.ConfigMap = &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: of}, Items: items, DefaultMode: new(int32(0o444)), Optional: new(false),
		}
	}
	e.Volume(corev1.Volume{Name: name, VolumeSource: source})
	return name, true
}

// container is the container without its mounts and what the editor gives to every one.
func (b *builder) container(r *helper.Request) *corev1.Container {
	k := &b.spec.Container
	c := &corev1.Container{
		Command: escaped(k.Command, r), Args: words(k.Args, r),
		TerminationMessagePolicy: corev1.TerminationMessagePolicy(k.TerminationMessagePolicy),
	}
	for i := range k.Env {
		v := &k.Env[i]
		if v.FieldRef != "" {
			c.Env = append(c.Env, corev1.EnvVar{Name: v.Name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: v.FieldRef}}})
		} else if value, ok := variable(v.Value, v.Prefix, v.Option, r); ok {
			c.Env = append(c.Env, corev1.EnvVar{Name: v.Name, Value: helper.Literal(value)})
		}
	}
	for i := range k.Ports {
		p := &k.Ports[i]
		n := number(text(&p.Port, r))
		if n == 0 { // an option that is unset
			continue
		}
		protocol := corev1.ProtocolTCP
		if p.Protocol == "UDP" {
			protocol = corev1.ProtocolUDP
		}
		c.Ports = append(c.Ports, corev1.ContainerPort{Name: p.Name, ContainerPort: n, Protocol: protocol})
	}
	if b.spec.Run == "Sidecar" {
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	}
	if b.waits(r) {
		c.StartupProbe = probe(k.StartupProbe, r)
	}
	c.ReadinessProbe, c.LivenessProbe = probe(k.ReadinessProbe, r), probe(k.LivenessProbe, r)
	if p := k.PreStop; p != nil {
		c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{}}
		if p.Exec != nil {
			// Unlike commands, arguments and probes, the kubelet expands nothing here
			// (pkg/kubelet/lifecycle/handlers.go).
			c.Lifecycle.PreStop.Exec = &corev1.ExecAction{Command: words(p.Exec.Command, r)}
		} else {
			c.Lifecycle.PreStop.Sleep = &corev1.SleepAction{Seconds: p.Sleep.Seconds}
		}
	}
	return c
}

func variable(literal *Scalar, prefix, option string, r *helper.Request) (value string, ok bool) {
	if option == "" {
		return string(*literal), true
	}
	return prefix + r.Value(option).Text, r.Has(option)
}

// probe is a probe with the API server's defaults written out; nil if its port is an option that is unset.
func probe(p *Probe, r *helper.Request) *corev1.Probe {
	if p == nil {
		return nil
	}
	out := &corev1.Probe{
		InitialDelaySeconds: p.InitialDelaySeconds, PeriodSeconds: orElse(p.PeriodSeconds, 10), TimeoutSeconds: orElse(p.TimeoutSeconds, 1),
		SuccessThreshold: 1, FailureThreshold: orElse(p.FailureThreshold, 3),
	}
	switch {
	case p.Exec != nil:
		out.Exec = &corev1.ExecAction{Command: escaped(p.Exec.Command, r)}
		return out
	case p.HTTPGet != nil:
		port := number(text(&p.HTTPGet.Port, r))
		out.HTTPGet = &corev1.HTTPGetAction{Path: p.HTTPGet.Path, Port: intstr.FromInt32(port), Scheme: corev1.URISchemeHTTP}
		if port == 0 {
			return nil
		}
	default:
		port := number(text(&p.TCPSocket.Port, r))
		out.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}
		if port == 0 {
			return nil
		}
	}
	return out
}

func orElse(n, otherwise int32) int32 {
	if n == 0 {
		return otherwise
	}
	return n
}
