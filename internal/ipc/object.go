// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"syscall"
)

// An Object is what [Create] can make: a [Queue], a [SysV] or a [FIFO].
type Object interface {
	// create makes the object, or finds it as asked.
	create() error
}

// Create makes all objects, or finds them as asked. Its error tells about every
// object that it could not make. It sets the umask of the process to 0.
func Create(objects []Object) error {
	syscall.Umask(0)
	var errs []error
	for _, o := range objects {
		errs = append(errs, o.create())
	}
	return errors.Join(errs...)
}

// differs tells, of an object that exists, what it is and what it should be. Both
// have the same form. It is nil if they are equal.
func differs(object, is, asked string) error {
	if is == asked {
		return nil
	}
	return fmt.Errorf("%s exists with %s, asked were %s; let its creator use the same attributes, or remove it first", object, is, asked)
}

// access is the part of an object's attributes that says who may use it.
type access struct{ mode, uid uint32 }

func (a access) String() string { return fmt.Sprintf("mode %04o uid %d", a.mode, a.uid) }

// mine is the access to an object that this process makes.
func mine(mode uint32) access { return access{mode, uint32(syscall.Geteuid())} }
