// SPDX-License-Identifier: Apache-2.0

package helper

import "slices"

// LeaveOut notes that a container that came later takes no part.
func (r *Request) LeaveOut(container string) {
	if !r.LeavesOut(container) {
		r.leftOut = append(r.leftOut, container)
		slices.Sort(r.leftOut)
	}
}

// LeavesOut reports whether a container takes no part since it came later.
func (r *Request) LeavesOut(container string) bool { return slices.Contains(r.leftOut, container) }

// leave puts into a status which containers take no part.
func (r *Request) leave(s *Status) {
	if len(r.leftOut) == 0 {
		return
	}
	s.LeftOut = slices.Clone(r.leftOut)
	s.Containers = slices.DeleteFunc(slices.Clone(s.Containers), r.LeavesOut)
}
