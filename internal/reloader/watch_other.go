// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package reloader

import (
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
)

// watcher reports nothing: scans have to do.
type watcher struct {
	events chan struct{}
	count  atomic.Int64
}

func newWatcher(*slog.Logger) *watcher { return &watcher{} }

func (w *watcher) begin()           {}
func (w *watcher) end()             {}
func (w *watcher) add(*os.Root)     {}
func (w *watcher) path(string)      {}
func (w *watcher) complete() bool   { return false }
func (w *watcher) directories() int { return 0 }
func (w *watcher) close()           {}

func identity(info fs.FileInfo) (inode uint64, changed int64) { return 0, info.ModTime().UnixNano() }
