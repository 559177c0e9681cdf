// SPDX-License-Identifier: Apache-2.0

package renewal

import (
	"context"
	"errors"
)

// A Cluster has one Secret and some webhook configurations. What it reads must be the
// newest, not a copy from a cache.
type Cluster interface {
	// Configurations reads all of them. The error is an [ErrMissing] if one is not there.
	Configurations(ctx context.Context) ([]Configuration, error)
	// Trust sets the caBundle of each entry of a configuration, as it was read.
	Trust(ctx context.Context, c Configuration, bundle []byte) error
	// Secret reads the Secret.
	Secret(ctx context.Context) (Secret, error)
	// Change writes some keys of the Secret, as it was read; nil removes one.
	Change(ctx context.Context, s Secret, keys map[string][]byte) error
}

// Errors of a [Cluster], to be wrapped.
var (
	// ErrMissing says that an object is not there.
	ErrMissing = errors.New("not found")
	// ErrConflict says that an object has been written since it was read.
	ErrConflict = errors.New("changed by somebody else meanwhile")
)

// A Configuration is a webhook configuration.
type Configuration struct {
	Kind, Name string
	Version    string // its resourceVersion
	Revision   string // its annotation [RevisionAnnotation]
	Entries    []Entry
}

func (c Configuration) String() string { return c.Kind + " " + c.Name }

// An Entry is one webhook of a configuration.
type Entry struct {
	Name     string
	CABundle []byte // PEM
}

// A Secret is the Secret of the certificate.
type Secret struct {
	Name    string // with its namespace, for people
	Version string // its resourceVersion
	Data    map[string][]byte
}

// RevisionAnnotation is on configurations whose installer wants a run to wait until it
// has written them: see [Options].
const RevisionAnnotation = "pillion.dev/certificates-revision"
