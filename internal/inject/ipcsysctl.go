// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// rmidForced is the one sysctl of an IPC namespace that every kubelet allows
// (k8s.io/kubernetes/pkg/kubelet/sysctl, SafeSysctlAllowlist).
const rmidForced = "kernel.shm_rmid_forced"

// sysctlNames are those that a kubelet can set for one pod: the ones of IPC and network
// namespaces (k8s.io/component-helpers/node/util/sysctl).
var (
	sysctlNames    = []string{"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", rmidForced, "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni"}
	sysctlPrefixes = []string{"fs.mqueue.", "net."}
)

// sysctlSyntax is the form that the API server takes (k8s.io/kubernetes/pkg/apis/core/validation,
// SysctlContainSlashFmt) without the slashes, which are a second spelling of dots.
var sysctlSyntax = regexp.MustCompile(`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?\.)*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`)

// sysctlValue is one or more numbers or words, as "32000 1024000000 500 32000".
var sysctlValue = regexp.MustCompile(`^-?[A-Za-z0-9._:/-]+( -?[A-Za-z0-9._:/-]+)*$`)

func sysctlName(text string) (string, error) {
	const longest = 253
	switch {
	case strings.Contains(text, "/"):
		return "", errors.New("must have dots between its parts, such as kernel.msgmax")
	case len(text) > longest || !sysctlSyntax.MatchString(text):
		return "", errors.New("must be the name of a sysctl, such as kernel.msgmax")
	case slices.Contains(sysctlNames, text) || slices.ContainsFunc(sysctlPrefixes, func(p string) bool { return strings.HasPrefix(text, p) }):
		return text, nil
	}
	return "", fmt.Errorf("is not a sysctl that a pod can have: there are %s, and those that begin with %s", joinAnd(sysctlNames), joinAnd(sysctlPrefixes))
}

// parseSysctls reads name=value. What a policy has to list are the names that not every
// kubelet allows.
func parseSysctls(text string) (Value, error) {
	v := Value{names: []string{}}
	for _, element := range splitList(text) {
		name, value, found := strings.Cut(element, "=")
		if !found {
			return Value{}, fmt.Errorf("must be a list of name=value, such as kernel.msgmax=65536; %q is not one of them", shownElement(element))
		}
		name, err := sysctlName(strings.TrimSpace(name))
		if err != nil {
			return Value{}, fmt.Errorf("has %q, which %w", shownElement(element), err)
		}
		value = strings.Join(strings.Fields(value), " ")
		if !sysctlValue.MatchString(value) {
			return Value{}, fmt.Errorf("has %q, whose value is not one or more numbers", shownElement(element))
		}
		if slices.ContainsFunc(v.pairs, func(p pair) bool { return p.name == name }) {
			return Value{}, fmt.Errorf("has %s twice", name)
		}
		v.pairs, v.List = append(v.pairs, pair{name: name, value: value}), append(v.List, name+"="+value)
		if name != rmidForced {
			v.names = append(v.names, name)
		}
	}
	var err error
	v.Text, err = joinList(v.List)
	return v, err
}

// sysctls adds what the request names and the pod does not have yet.
func (b *builder) sysctls(r *Request) {
	for _, p := range r.Value("sysctls").pairs {
		have, set := b.pod.Spec.sysctl(p.name)
		switch {
		case strings.HasPrefix(p.name, "net.") && b.pod.Spec.HostNetwork:
			b.refuse(invalid(PodConflict, r.path("sysctls"), p.name+"="+p.value, "the pod uses the node's network, whose settings are the node's; remove it"))
		case set && have != p.value:
			b.refuse(invalid(PodConflict, r.path("sysctls"), p.name+"="+p.value, "the pod itself sets %s to %q in spec.securityContext.sysctls; remove one of the two", p.name, have))
		case !set:
			b.plan.Settings.Sysctls = append(b.plan.Settings.Sysctls, corev1.Sysctl{Name: p.name, Value: p.value})
		}
		b.settings = append(b.settings, p.name+"="+p.value)
	}
}

// sysctl is the value that the pod itself sets.
func (s *Spec) sysctl(name string) (value string, set bool) {
	if s.SecurityContext == nil {
		return "", false
	}
	for _, have := range s.SecurityContext.Sysctls {
		if strings.ReplaceAll(have.Name, "/", ".") == name {
			return have.Value, true
		}
	}
	return "", false
}

// effectiveSysctl is the value that a sysctl is going to have: the one asked for or the
// pod's own; otherwise ok is false.
func (b *builder) effectiveSysctl(r *Request, name string) (value string, ok bool) {
	for _, p := range r.Value("sysctls").pairs {
		if p.name == name {
			return p.value, true
		}
	}
	return b.pod.Spec.sysctl(name)
}

// sysctlLimit is a limit of the pod's IPC namespace: the kernel's default unless a sysctl
// sets it.
func (b *builder) sysctlLimit(r *Request, name string, standard int64) int64 {
	if text, set := b.effectiveSysctl(r, name); set {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return standard
}
