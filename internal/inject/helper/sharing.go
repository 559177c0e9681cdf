// SPDX-License-Identifier: Apache-2.0

package helper

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Sharing is one volume that containers of the app see at one path.
type Sharing struct {
	Request  *Request
	Option   string // whose annotation the errors name; "" for a path that no option says
	Path     string
	Targets  []pod.Target
	ReadOnly bool
	Own      corev1.Volume // what they get unless they mount something there already that can be shared
	Content  bool          // the app may mount it read-only at further paths
	Alone    bool          // nothing that they mount there can be
	Why      string        // nothing can be, for the error; may be empty
}

// conflict is what is in the way of sharing.
func (s *Sharing) conflict(format string, args ...any) *reason.Problem {
	p := reason.Invalid(reason.PathConflict, s.at(), s.Path, format, args...)
	return &p
}

// at is the field that asks for the volume.
func (s *Sharing) at() *field.Path {
	if s.Option == "" { // a definition's own path, which no annotation says
		return s.Request.AnyPath()
	}
	return s.Request.Path(s.Option)
}

// right reports whether a mount is the one of a volume that the plan writes.
func (s *Sharing) right(m *pod.VolumeMount, volume string) bool {
	if volume != s.Own.Name {
		return m.Name == volume && pod.CleanMount(m.MountPath) == s.Path && m.SubPath+m.SubPathExpr == ""
	}
	return *m == pod.VolumeMount{Name: volume, MountPath: s.Path, ReadOnly: s.ReadOnly}
}
