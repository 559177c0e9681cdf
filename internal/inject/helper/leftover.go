// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"bytes"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// LeftOver reports whether a container is one that a helper with these rules could have
// written, as `kubectl debug --copy-to` leaves it behind: it drops the annotations that asked
// for it. What options decide (arguments, mounts, a probe, a port) is taken as it is; the
// image, the program, the user and all that could gain something is what we write. Nobody
// asks for it, so as with a required helper a mirror's image counts by its digest alone.
func (e *Editor) LeftOver(c *pod.Container, hp *rule.Helper) bool {
	var have corev1.Container
	decoder := json.NewDecoder(bytes.NewReader(c.Raw))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&have) != nil || len(have.Args) == 0 || len(have.VolumeMounts) == 0 {
		return false
	}
	shadow := len(have.VolumeMounts) - 1
	want := corev1.Container{Name: have.Name, Args: have.Args, VolumeMounts: slices.Clone(have.VolumeMounts[:shadow]), RestartPolicy: have.RestartPolicy}
	for _, p := range have.Ports {
		want.Ports = append(want.Ports, corev1.ContainerPort{Name: p.Name, ContainerPort: p.ContainerPort, Protocol: p.Protocol})
	}
	if p := have.StartupProbe; p != nil && p.Exec != nil && len(p.Exec.Command) > 1 && p.Exec.Command[0] == Program && p.Exec.Command[1] == "probe" {
		want.StartupProbe = p
	}
	user := hp.User()
	if s := have.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser > 0 { // an owner of IPC objects
		user = *s.RunAsUser
	}
	want.SecurityContext = Restricted(hp, user)
	e.finish(&Helper{}, &want, hp, hp.Resources) // of a helper of ours: a defined one runs a program of its own
	return sameContainer(c.Raw, &want, true)
}

// leftOverVolume reports whether a volume is an emptyDir as we write it.
func leftOverVolume(v *pod.Volume) bool {
	if v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil {
		return false
	}
	want := EmptyDir(v.Name, *v.EmptyDir.SizeLimit)
	want.EmptyDir.Medium = v.EmptyDir.Medium
	return sameVolume(v.Raw, &want)
}

// AppMount judges a mount of a volume with a reserved name in a container of the app. It is
// right if the plan writes it, or if it shows the content of a helper read-only at a further
// path. Without a helper that the volume belongs to, it can be left over. why says what is
// wrong; "" for nothing.
func (e *Editor) AppMount(in pod.Ref, m *pod.VolumeMount) (why string, leftOver bool) {
	shared := false
	for i := range e.shares {
		s := &e.shares[i]
		if s.volume != m.Name {
			continue
		}
		shared = true
		planned := pod.CleanMount(m.MountPath) == s.path && slices.ContainsFunc(s.targets, func(t pod.Target) bool { return t.Ref == in })
		if planned || s.content && m.ReadOnly && m.MountPropagation == nil {
			return "", false
		}
		if s.content {
			why = "is the content of a helper, which an app can mount at a further path read-only; set readOnly: true"
		}
	}
	switch {
	case why != "":
		return why, false
	case shared:
		return "is a volume of a helper, which an app has where the helper mounts it; remove this mount", false
	case !slices.Contains(e.added, m.Name) && leftOverVolume(e.spec.Volume(m.Name)):
		return "", true
	}
	return "is not a volume that helpers share with an app; rename it: names that begin with \"" + pod.ReservedPrefix + "\" are Pillion's own", false
}
