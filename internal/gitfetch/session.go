// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pillion-dev/pillion/internal/gitref"
)

// Fetch polls once. An error of it is an [*Error]; what is in Dir is then of no use,
// and the caller's to remove. The connection is kept if the request says so and nothing
// was fetched.
func (s *Session) Fetch(ctx context.Context, r Request) (Result, error) {
	return s.fetch(ctx, r, timeouts{connect: 15 * time.Second, idle: time.Minute})
}

// Close ends the connection, if there is one.
func (s *Session) Close() {
	if s.server != nil {
		s.server.close()
	}
	s.server, s.greeting = nil, nil
}

func (s *Session) fetch(ctx context.Context, r Request, t timeouts) (Result, error) {
	e, err := parseRepo(r.Repo)
	if err != nil {
		return Result{}, asFailure(err).publish("", secrets(nil).redact)
	}
	if ref, err := gitref.Parse(r.Ref); err == nil { // what is wrong with it is said further down
		r.Ref = ref
	}
	kept := s.server
	f := &fetcher{Request: r, endpoint: e, timeouts: t, session: s, token: r.Token}
	result, err := f.run(ctx)
	if err != nil && kept != nil && kept == s.server && ctx.Err() == nil && f.mayBeStale(err) {
		s.Close()
		f.token = f.token.after(asFailure(err).reason)
		result, err = f.run(ctx)
	}
	if err != nil || result.Changed || !r.Keep {
		s.Close()
	} else if s.server != nil {
		s.server.rest()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = timedOut(ctx)
		}
		failed := asFailure(err).publish(e.String(), s.secrets.redact)
		return Result{Token: f.token.after(failed.Reason)}, failed
	}
	result.Token = f.token
	return result, nil
}

// mayBeStale reports whether an error may be that of a kept connection: it broke, or the
// credentials with which it was made have ended, or the server speaks otherwise today.
// Over http a connection that broke has been replaced already.
func (f *fetcher) mayBeStale(err error) bool {
	switch asFailure(err).reason {
	case Unauthorized, BadServer:
		return true
	case Unreachable:
		return f.endpoint.Scheme == "ssh"
	default:
		return false
	}
}

// connect sees to it that there is a connection, and that it is one which today's
// request, Secret and authorities would make.
func (f *fetcher) connect(ctx context.Context) error {
	s := f.session
	key, err := f.key()
	if err != nil {
		return err
	}
	if s.server != nil && s.key == key && !s.token.ending() {
		f.token = s.token
		return nil
	}
	s.Close()
	s.secrets = nil
	server, err := f.dial(ctx)
	if err == nil {
		s.key, s.server, s.token = key, server, f.token
	}
	return err
}

// key is a digest of what a connection depends on.
func (f *fetcher) key() (key [sha256.Size]byte, err error) {
	r := f.Request
	r.Ref, r.Depth, r.Subdir, r.Dir, r.MaxBytes, r.MaxFiles, r.Keep = "", 0, "", "", 0, 0, false
	r.Token, r.Have, r.Published, r.Kept, r.Whole, r.Bad = nil, "", "", "", false, ""
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(r); err != nil {
		return key, err
	}
	files := []string{f.CAFile, f.ExtraCAFile}
	for _, dir := range []string{f.AuthDir, f.ProxyAuthDir} {
		if dir == "" {
			continue
		}
		inDir, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return key, err
		}
		files = append(files, inDir...)
	}
	slices.Sort(files)
	for _, name := range files {
		if err := hashFile(sum, name); err != nil {
			return key, err
		}
	}
	return [sha256.Size]byte(sum.Sum(nil)), nil
}

// maxSecret is how much of a file is compared, in bytes: what a Secret can hold.
const maxSecret = 1 << 20

// hashFile adds a file to a digest. One that cannot be read is
// reported when it is used.
func hashFile(sum io.Writer, name string) error {
	content, err := os.Open(name)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	defer content.Close()
	if _, err := io.WriteString(sum, "\x00"+name+"\x00"); err != nil {
		return err
	}
	if _, err := io.CopyN(sum, content, maxSecret); err != nil && !errors.Is(err, io.EOF) {
		return nil //nolint:nilerr // a directory, for one
	}
	return nil
}
