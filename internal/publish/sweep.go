// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/pillion-dev/pillion/internal/safedir"
)

// treeName is how a published tree's directory is called: id, boot and chance.
var treeName = regexp.MustCompile(`^\.\.[0-9A-Za-z]+\.[0-9a-f]{8}-[0-9a-f]{8}$`)

func isTree(name string) bool { return treeName.MatchString(name) }

// Sweep removes trees that were replaced longer than grace ago. Within grace
// somebody may still be reading them; but if they take more than budget bytes
// together, the oldest go at once.
func (v *Volume) Sweep(grace time.Duration, budget int64) error {
	var kept []tree
	for _, t := range slices.Backward(v.retired) { // newest first
		fits := t.bytes <= budget
		if fits && time.Since(t.since) < grace {
			budget -= t.bytes
			kept = append(kept, t)
			continue
		}
		if err := v.remove(t.name); err != nil {
			return err
		}
	}
	slices.Reverse(kept)
	v.retired = kept
	return nil
}

// remove takes a tree away under its name at once, and then file by file.
func (v *Volume) remove(name string) error {
	if err := v.root.RemoveAll(trashName); err != nil {
		return fmt.Errorf("%s cannot be removed: %w", v.in(trashName), err)
	}
	if err := v.root.Rename(name, v.root, trashName); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("the old tree %s cannot be removed: %w", v.in(name), err)
	}
	if err := v.root.RemoveAll(trashName); err != nil {
		return fmt.Errorf("the old tree %s cannot be removed: %w", v.in(name), err)
	}
	return nil
}

// blockSize is what a file or directory takes at least on the usual file systems.
const blockSize = 4096

// RoundUp is the space that n bytes of one file take on the disk, as far as one can
// say without asking the file system.
func RoundUp(n int64) int64 { return (n + blockSize - 1) / blockSize * blockSize }

// size is the space that a tree takes, in bytes. There is none for the name "".
func (v *Volume) size(name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	total, err := sizeIn(v.root, name)
	if err != nil {
		return 0, fmt.Errorf("the size of the tree %s cannot be found: %w", v.in(name), err)
	}
	return total, nil
}

// sizeIn counts a directory, and what is in it. A process that may write to the volume may
// remove or exchange meanwhile what is counted.
func sizeIn(parent *safedir.Dir, name string) (int64, error) {
	dir, err := parent.OpenDir(name)
	if unsafe := (*safedir.Error)(nil); errors.Is(err, fs.ErrNotExist) || errors.As(err, &unsafe) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return 0, err
	}
	total := RoundUp(max(info.Size(), 1))
	entries, err := dir.List()
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.IsDir() {
			below, err := sizeIn(dir, e.Name())
			if err != nil {
				return 0, err
			}
			total += below
			continue
		}
		if info, err := dir.Lstat(e.Name()); err == nil { // else it is gone
			total += RoundUp(max(info.Size(), 1))
		}
	}
	return total, nil
}

// bootID tells one start of the node's kernel from another. Where the kernel does
// not say, all starts are alike.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:4])
}

func random() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Retired is how many replaced trees are still there.
func (v *Volume) Retired() int { return len(v.retired) }
