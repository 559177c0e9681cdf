// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
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
	return "", fmt.Errorf("is not a sysctl that a pod can have: there are %s, and those that begin with %s", option.JoinAnd(sysctlNames), option.JoinAnd(sysctlPrefixes))
}

// sysctlList is a comma list of name=value. What a policy lists are names.
var sysctlList = option.Kind{Name: "sysctls", Parse: parseSysctls, Pattern: option.ByName(sysctlName)}

// setting is one sysctl.
type setting struct{ name, value string }

// parseSysctls reads name=value. What a policy has to list are the names that not every
// kubelet allows.
func parseSysctls(text string) (option.Value, error) {
	v := option.Value{Names: []string{}}
	var settings []setting
	for _, element := range option.SplitList(text) {
		name, value, found := strings.Cut(element, "=")
		if !found {
			return option.Value{}, fmt.Errorf("must be a list of name=value, such as kernel.msgmax=65536; %q is not one of them", option.ShownElement(element))
		}
		name, err := sysctlName(strings.TrimSpace(name))
		if err != nil {
			return option.Value{}, fmt.Errorf("has %q, which %w", option.ShownElement(element), err)
		}
		value = strings.Join(strings.Fields(value), " ")
		if !sysctlValue.MatchString(value) {
			return option.Value{}, fmt.Errorf("has %q, whose value is not one or more numbers", option.ShownElement(element))
		}
		if slices.ContainsFunc(settings, func(p setting) bool { return p.name == name }) {
			return option.Value{}, fmt.Errorf("has %s twice", name)
		}
		settings, v.List = append(settings, setting{name, value}), append(v.List, name+"="+value)
		if name != rmidForced {
			v.Names = append(v.Names, name)
		}
	}
	var err error
	v.Data = settings
	v.Text, err = option.JoinList(v.List)
	return v, err
}

// addSysctls adds what the request names and the pod does not have yet.
func addSysctls(e *helper.Editor, r *helper.Request) {
	for _, p := range settingsOf(r) {
		have, set := e.Spec().Sysctl(p.name)
		switch {
		case strings.HasPrefix(p.name, "net.") && e.Spec().HostNetwork:
			e.Deny(reason.Invalid(reason.PodConflict, r.Path("sysctls"), p.name+"="+p.value, "the pod uses the node's network, whose settings are the node's; remove it"))
		case set && have != p.value:
			e.Deny(reason.Invalid(reason.PodConflict, r.Path("sysctls"), p.name+"="+p.value, "the pod itself sets %s to %q in spec.securityContext.sysctls; remove one of the two", p.name, have))
		case !set:
			e.Sysctl(p.name, p.value)
		}
		e.Setting(p.name + "=" + p.value)
	}
}

// effectiveSysctl is the value that a sysctl is going to have: the one asked for or the
// pod's own; otherwise ok is false.
func effectiveSysctl(e *helper.Editor, r *helper.Request, name string) (value string, ok bool) {
	for _, p := range settingsOf(r) {
		if p.name == name {
			return p.value, true
		}
	}
	return e.Spec().Sysctl(name)
}

// sysctlLimit is a limit of the pod's IPC namespace: the kernel's default unless a sysctl
// sets it.
func sysctlLimit(e *helper.Editor, r *helper.Request, name string, standard int64) int64 {
	if text, set := effectiveSysctl(e, r, name); set {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return standard
}

// settingsOf are the sysctls that a request names.
func settingsOf(r *helper.Request) []setting {
	settings, _ := r.Value(sysctls).Data.([]setting)
	return settings
}
