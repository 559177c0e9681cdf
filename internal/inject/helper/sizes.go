// SPDX-License-Identifier: Apache-2.0

package helper

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Sized is the volumes of one kind that helpers add, and their sizes together.
type Sized struct {
	Names []string
	Total resource.Quantity
}

// count adds a volume of ours to those that a policy limits. The volume in place of the
// token has no container that can write to it.
func (e *Editor) count(v *corev1.Volume) {
	if v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil || v.Name == NoTokenVolume {
		return
	}
	kind := &e.onDisk
	if v.EmptyDir.Medium != corev1.StorageMediumDefault { // memory, or huge pages
		kind = &e.inMemory
	}
	kind.Names = append(kind.Names, v.Name)
	kind.Total.Add(*v.EmptyDir.SizeLimit)
}

// InMemory are the volumes in memory that the helpers add.
func (e *Editor) InMemory() *Sized { return &e.inMemory }

// OnDisk are the volumes on the node's disk that the helpers add.
func (e *Editor) OnDisk() *Sized { return &e.onDisk }
