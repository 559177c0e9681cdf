// SPDX-License-Identifier: Apache-2.0

package startorder

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/pillion-dev/pillion/internal/ipc"
)

// exists makes a condition of a check.
func exists(check func() (bool, error)) func(context.Context, place) error {
	return func(context.Context, place) error {
		there, err := check()
		if err == nil && !there {
			err = errAbsent
		}
		return err
	}
}

func sysVExists(kind ipc.SysVKind, key ipc.Key) func(context.Context, place) error {
	return exists(func() (bool, error) {
		number, err := key.Value()
		if err != nil {
			return false, err
		}
		return ipc.SysVExists(kind, number)
	})
}

func fileExists(path string) func(context.Context, place) error {
	return exists(func() (bool, error) {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
}

func isFIFO(path string) func(context.Context, place) error {
	return func(ctx context.Context, at place) error {
		if err := fileExists(path)(ctx, at); err != nil {
			return err
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			return errors.New("is no named pipe")
		}
		return nil
	}
}
