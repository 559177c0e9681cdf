// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package gitpoller

import (
	"context"
	"errors"
	"syscall"

	"github.com/pillion-dev/pillion/internal/gitstatus"
)

var errLinux = errors.New("a git-poller can be asked on Linux alone")

// Ask is the signal at which a poller polls at once.
const Ask = syscall.SIGUSR1

// Board is for Linux alone.
type Board struct{}

// NewBoard makes no board.
func NewBoard() (*Board, error) { return nil, nil } //nolint:nilnil // a nil board shows nothing

func (b *Board) show(gitstatus.Status) {}

// Running is for Linux alone.
type Running struct{}

// Find finds no poller.
func Find() (*Running, error) { return nil, errLinux }

// Status fails.
func (r *Running) Status() (gitstatus.Status, error) { return gitstatus.Status{}, errLinux }

// Sync fails.
func (r *Running) Sync(context.Context) (gitstatus.Status, error) {
	return gitstatus.Status{}, errLinux
}
