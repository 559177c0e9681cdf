// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"time"
)

// lfsPointer is how a pointer file of git LFS begins (git-lfs, docs/spec.md). They are
// shorter than lfsSize bytes.
const (
	lfsPointer = "version https://git-lfs.github.com/spec/v1"
	lfsSize    = 1024
)

// checkout writes a tree that has been judged. Modes do not depend on the umask.
// Files bear the time of their commit, so that web servers of several replicas agree
// on Last-Modified and ETag.
type checkout struct {
	pack   *store
	time   time.Time
	buffer *bufio.Writer

	lfsPointers int
}

func (c *checkout) writeDirectory(ctx context.Context, parent *os.Root, name string, e *entry) error {
	if err := parent.Mkdir(name, 0o755); err != nil {
		return err
	}
	if err := parent.Chmod(name, 0o755); err != nil {
		return err
	}
	if len(e.children) == 0 {
		return nil
	}
	dir, err := parent.OpenRoot(name) // so that a deep path costs no more than a short one
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, child := range e.children {
		if ctx.Err() != nil {
			return timedOut(ctx)
		}
		switch child.kind {
		case directory, submodule:
			err = c.writeDirectory(ctx, dir, child.name, child)
		case link:
			err = dir.Symlink(child.target, child.name)
		case executable:
			err = c.writeFile(dir, child, 0o755)
		case file, fileGroup:
			err = c.writeFile(dir, child, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *checkout) writeFile(dir *os.Root, e *entry, mode os.FileMode) error {
	f, err := dir.OpenFile(e.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = c.writeContent(f, e)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = dir.Chtimes(e.name, c.time, c.time)
	}
	return err
}

func (c *checkout) writeContent(w io.Writer, e *entry) error {
	if c.pack.objects[e.object].size < lfsSize {
		content, err := c.pack.read(e.object, lfsSize)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(content), lfsPointer) {
			c.lfsPointers++
		}
		_, err = w.Write(content)
		return err
	}
	c.buffer.Reset(w) // a delta comes in small pieces
	if err := c.pack.write(c.buffer, e.object); err != nil {
		return err
	}
	return c.buffer.Flush()
}
