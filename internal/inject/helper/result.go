// SPDX-License-Identifier: Apache-2.0

package helper

import "github.com/pillion-dev/pillion/internal/inject/plan"

// Plan is what the helpers have asked for. The caller completes it.
func (e *Editor) Plan() *plan.Plan { return &e.plan }

// Statuses are what the helpers have reported.
func (e *Editor) Statuses() []Status { return e.statuses }

// Warnings are what the helpers warn of.
func (e *Editor) Warnings() []string { return e.warnings }

// Disk are the names of the helpers' volumes on the node's disk.
func (e *Editor) Disk() []string { return e.disk }

// InMemory are the volumes in memory that the helpers add.
func (e *Editor) InMemory() *Sized { return &e.inMemory }

// OnDisk are the volumes on the node's disk that the helpers add.
func (e *Editor) OnDisk() *Sized { return &e.onDisk }
