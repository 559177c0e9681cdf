// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// Names in the volume. They begin with two dots, which users cannot publish.
const (
	reserved  = ".."
	dataLink  = "..data"
	nextLink  = "..data_next"
	staging   = "..staging"
	linkInto  = dataLink + "/"
	trashName = "..trash"
)

// A Volume is a directory in which trees are published one after the other. It is
// not safe for use by several goroutines, nor by several processes.
type Volume struct {
	root    *safedir.Dir
	stage   *safedir.Dir // the staged directory, open since Stage
	boot    string
	clean   bool // nothing is left of an earlier process
	retired []tree
}

// tree is a published tree that is no longer current.
type tree struct {
	name  string
	bytes int64
	since time.Time
}

// Open opens the volume at path and changes nothing in it yet: see Repair.
func Open(path string) (*Volume, error) {
	root, err := safedir.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the volume to publish in cannot be opened: %w", err)
	}
	return &Volume{root: root, boot: bootID()}, nil
}

// Close gives the handles back. What is published stays.
func (v *Volume) Close() error { return errors.Join(v.closeStage(), v.root.Close()) }

// Repair makes the links of the current tree complete, whether an earlier process was
// stopped in the middle or somebody has removed them. The first call also removes
// what an earlier process left unfinished. Trees that were published before stay.
func (v *Volume) Repair() error {
	if !v.clean {
		if err := v.cleanUp(); err != nil {
			return err
		}
		v.clean = true
	}
	if current := v.currentDir(); current != "" {
		return v.settle(current)
	}
	return nil
}

// cleanUp removes staged and half removed trees and takes note of old ones.
func (v *Volume) cleanUp() error {
	for _, name := range []string{staging, trashName, nextLink} {
		if err := v.root.RemoveAll(name); err != nil {
			return fmt.Errorf("%s, left by an earlier process, cannot be removed: %w", v.in(name), err)
		}
	}
	entries, err := list(v.root)
	if err != nil {
		return err
	}
	v.retired = nil
	for _, e := range entries {
		if e.IsDir() && isTree(e.Name()) && e.Name() != v.currentDir() {
			bytes, err := v.size(e.Name())
			if err != nil {
				return err
			}
			// When it was replaced is not known any more.
			v.retired = append(v.retired, tree{name: e.Name(), bytes: bytes, since: time.Now()})
		}
	}
	return nil
}

// Current is the id of the tree that readers see. It is "" if there is none, and
// also if the node has been restarted since it was written: after a crash its
// files need not have reached the disk. Such a tree stays until it is replaced.
func (v *Volume) Current() string {
	id, boot := v.current()
	if boot != v.boot {
		return ""
	}
	return id
}

// Served is the id of the tree that readers see, whenever it was written; "" if there
// is none.
func (v *Volume) Served() string {
	id, _ := v.current()
	return id
}

func (v *Volume) current() (id, boot string) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(v.currentDir(), reserved), ".")
	boot, _, _ = strings.Cut(rest, "-")
	return id, boot
}

// currentDir is what ..data points to, if that is a tree of ours.
func (v *Volume) currentDir() string {
	target, err := v.root.Readlink(dataLink)
	if err != nil || !isTree(target) {
		return ""
	}
	if info, err := v.root.Lstat(target); err != nil || !info.IsDir() {
		return ""
	}
	return target
}

// Stage returns the path of an empty directory on the file system of the volume that
// only this process's user can read. Whatever is in it is removed. The directory
// itself stays between two trees, so that a poll that finds nothing
// new causes no event for those who watch the volume.
//
// The path leads through a descriptor of this process, /proc/self/fd, to the very
// directory, whatever has its name by then. It is good until the next call of Stage.
func (v *Volume) Stage() (string, error) {
	if err := v.openStage(); err != nil {
		return "", fmt.Errorf("a directory for the next tree cannot be made: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", v.stage.File().Fd()), v.Discard()
}

// openStage opens the staged directory. What another process has put there is removed.
func (v *Volume) openStage() error {
	if err := v.closeStage(); err != nil {
		return err
	}
	info, err := v.root.Lstat(staging)
	if err == nil && (!info.IsDir() || !isMine(info)) { // somebody's joke
		if err = v.root.RemoveAll(staging); err == nil {
			err = fs.ErrNotExist
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = v.root.Mkdir(staging, 0o700)
	}
	if err == nil {
		v.stage, err = v.root.OpenDir(staging)
	}
	if err == nil {
		err = v.stage.Chmod(0o700) // fails if it was exchanged for another user's
	}
	return err
}

// isMine reports whether this process's user made something.
func isMine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

func (v *Volume) closeStage() (err error) {
	if v.stage != nil {
		err = v.stage.Close()
		v.stage = nil
	}
	return err
}

// Discard empties the staged directory.
func (v *Volume) Discard() error {
	if v.stage == nil {
		return nil
	}
	entries, err := list(v.stage)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := v.stage.RemoveAll(e.Name()); err != nil {
			return fmt.Errorf("the unpublished tree in %s cannot be removed: %w", v.in(staging), err)
		}
	}
	return nil
}

// Publish makes the directory sub of the staged one what readers see. id names the
// tree: letters and digits, such as a commit hash.
//
// An error of type [OccupiedError] says that a name of the tree is in use by
// another process; then nothing has changed for readers.
func (v *Volume) Publish(sub, id string) error {
	if v.stage == nil {
		return errors.New("nothing is staged to be published")
	}
	if err := v.judge(sub); err != nil {
		return err
	}
	before := v.currentDir()
	size, err := v.size(before)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s%s.%s-%s", reserved, id, v.boot, random())
	if err := v.stage.Rename(sub, v.root, name); err != nil {
		return fmt.Errorf("the new tree cannot be put in place: %w", err)
	}
	if err := v.point(name); err != nil {
		return errors.Join(err, v.root.RemoveAll(name))
	}
	if before != "" {
		v.retired = append(v.retired, tree{name: before, bytes: size, since: time.Now()})
	}
	return v.settle(name)
}

// judge refuses a staged tree whose names are taken, and makes its top readable.
func (v *Volume) judge(sub string) error {
	dir, err := v.stage.OpenDir(sub)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), reserved) {
			return fmt.Errorf("the tree has %q at its top: names that begin with two dots are reserved for publishing", e.Name())
		}
		if _, err := v.mine(e.Name()); err != nil {
			return err
		}
	}
	if err := dir.Chmod(0o755); err != nil {
		return fmt.Errorf("the new tree cannot be made readable: %w", err)
	}
	return nil
}

// point makes ..data a link to a tree, in one step.
func (v *Volume) point(name string) error {
	if err := v.root.RemoveAll(nextLink); err != nil {
		return fmt.Errorf("%s is in the way: %w", v.in(nextLink), err)
	}
	if err := v.root.Symlink(name, nextLink); err != nil {
		return fmt.Errorf("the link to the new tree cannot be made: %w", err)
	}
	if err := v.root.Rename(nextLink, v.root, dataLink); err != nil {
		return errors.Join(fmt.Errorf("%s cannot be made to point to the new tree: %w", v.in(dataLink), err), v.root.Remove(nextLink))
	}
	return nil
}

// settle gives every entry of the current tree its link and removes the links of
// entries that are no more, in the order of the kubelet.
func (v *Volume) settle(current string) error {
	dir, err := v.root.OpenDir(current)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := list(dir)
	if err != nil {
		return err
	}
	var errs []error
	keep := map[string]bool{}
	for _, e := range entries {
		keep[e.Name()] = true
		there, err := v.mine(e.Name())
		if err == nil && !there {
			err = v.root.Symlink(linkInto+e.Name(), e.Name())
		}
		errs = append(errs, err)
	}
	top, err := list(v.root)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, e := range top {
		if e.Type() != fs.ModeSymlink || keep[e.Name()] {
			continue
		}
		if ours, err := v.mine(e.Name()); err == nil && ours {
			errs = append(errs, v.root.Remove(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// mine reports whether the link that this package makes for an entry is there. The
// error is an [OccupiedError] if something else is.
func (v *Volume) mine(name string) (bool, error) {
	if strings.HasPrefix(name, reserved) {
		return false, nil
	}
	info, err := v.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s cannot be examined: %w", v.in(name), err)
	}
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err := v.root.Readlink(name); err == nil && target == linkInto+name {
			return true, nil
		}
	}
	return false, OccupiedError{Path: v.in(name)}
}

// OccupiedError says that a name is in use by something that was not published here.
type OccupiedError struct {
	Path string // in the volume
}

func (e OccupiedError) Error() string {
	return fmt.Sprintf("%s was put there by another process and is left alone; remove it, or publish elsewhere", e.Path)
}

func list(dir *safedir.Dir) ([]fs.DirEntry, error) {
	entries, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be listed: %w", dir.Path(""), err)
	}
	return entries, nil
}

// in is the path of a name in the volume, for people.
func (v *Volume) in(name string) string { return v.root.Path(name) }
