// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
)

// agent is how we introduce ourselves. Some servers serve only what begins like this.
const agent = "git/2.0 (pillion)"

// maxRefs bounds a server's list of refs, in bytes. A repository with 250,000 pull
// requests needs 17 MB.
const maxRefs = 64 << 20

// remote is a way to a repository on a server.
type remote interface {
	// greet opens what the server says first, if it begins the conversation.
	greet(ctx context.Context) (io.Reader, error)
	// ask sends a request and opens the answer. A conversation that was greeted can ask
	// several times, if the server speaks version 2.
	ask(ctx context.Context, request []byte) (io.Reader, error)
	// forgetful reports whether each request stands for itself, so that a server that
	// speaks version 2 need not be greeted again.
	forgetful() bool
	// explain makes more of an error with what the server said beside the protocol.
	explain(err error) error
	// rest ends a conversation, politely if nothing was asked for, and keeps the
	// connection for the next.
	rest()
	// close ends the connection as well.
	close()
}

// notFound are phrases with which servers say, in prose only, that there is no such
// repository: git, GitHub, GitLab, Bitbucket, Gitea and Gogs, Azure DevOps.
var notFound = []string{
	"not appear to be a git repository",
	"repository not found",
	"repository does not exist",
	"no such repository",
	"project you were looking for could not be found",
	"cannot find repository",
	"access denied or repository not exported",
	"git repository with name or identifier",
}

// remoteSaid makes an error of a server's own words.
func remoteSaid(text string) *failure {
	e := failf(BadServer, "the server broke off")
	lower := strings.ToLower(text)
	if strings.Contains(lower, "not our ref") {
		e = failf(NoSuchRef, "the server does not give out this commit, or not any more")
	}
	for _, phrase := range notFound {
		if strings.Contains(lower, phrase) {
			e = failf(NoSuchRepo, "the server knows no such repository, or does not show it to these credentials; check the URL and the Secret")
		}
	}
	return e.says(text)
}

// stream counts and watches what a server sends. Its error outlives what the layers
// above, which keep only the text of errors, make of it.
type stream struct {
	ctx  context.Context // a reader has no other way to learn of its end
	r    io.Reader
	left int64
	what string // for the error: "list of refs", "pack"
	err  error
}

func (s *stream) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(b)
	s.left -= int64(n)
	switch {
	case s.ctx.Err() != nil:
		s.err = timedOut(s.ctx)
	case s.left < 0:
		s.err = failf(TooLarge, "the server's %s does not end within the budget", s.what)
	case err == io.EOF:
		return n, io.EOF
	case err != nil:
		s.err = connectionError(err)
	}
	return n, s.err
}

// fail makes an error the stream's own, if it has none.
func (s *stream) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	return s.err
}

// or is the stream's own error, if it has one, or else err, which came of it.
func (s *stream) or(err error) error {
	if err != nil && s.err != nil {
		return s.err
	}
	return err
}

// connectionError is the error of a connection that did not come about or broke.
func connectionError(err error) *failure {
	if e, ok := errors.AsType[*failure](err); ok {
		return e
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return failf(Unreachable, "the server does not answer, or stopped sending (%v)", err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failf(Unreachable, "the server closed the connection in the middle")
	}
	return failf(Unreachable, "the server cannot be reached (%v)", err)
}
