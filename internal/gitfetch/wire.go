// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
)

// agent is how we introduce ourselves. Some servers serve only what begins like this.
const agent = "git/2.0 (pillion)"

// maxRefs bounds a server's list of refs, in bytes. A repository with 250,000 pull
// requests needs 17 MB.
const maxRefs = 64 << 20

// timeouts of a connection. The caller's context bounds the whole.
type timeouts struct {
	connect time.Duration // to dial, and then to agree on encryption
	idle    time.Duration // without a byte from the server
}

// remote is one conversation with one server.
type remote interface {
	// refs opens the server's list of refs.
	refs(ctx context.Context) (io.Reader, error)
	// ask sends a request for a pack and opens the answer. It follows refs.
	ask(ctx context.Context, request []byte) (io.Reader, error)
	// explain makes more of an error with what the server said beside the protocol.
	explain(err error) error
	// close ends the conversation, politely if nothing was asked for.
	close()
}

// request encodes what to send for a target (gitprotocol-pack(5)). multi_ack makes no
// difference to us, who have nothing to negotiate, but Azure DevOps answers 400
// without it; ofs-delta is shorter; the rest keeps the server's chatter away.
func (l *listing) request(t target, depth int) []byte {
	var capabilities []string
	oneOf := func(names ...string) bool {
		for _, name := range names {
			if _, ok := l.capabilities[name]; ok {
				capabilities = append(capabilities, name)
				return true
			}
		}
		return false
	}
	oneOf("multi_ack_detailed", "multi_ack")
	oneOf("side-band-64k", "side-band")
	oneOf("ofs-delta")
	oneOf("no-progress")
	shallow := oneOf("shallow")
	if _, ok := l.capabilities["agent"]; ok {
		capabilities = append(capabilities, "agent="+strings.ReplaceAll(agent, " ", "-"))
	}

	var out bytes.Buffer // which never fails
	lines := pktline.NewEncoder(&out)
	for i, want := range t.wants {
		line := "want " + want.String()
		if i == 0 {
			line += " " + strings.Join(capabilities, " ")
		}
		_ = lines.EncodeString(line + "\n")
	}
	if shallow {
		_ = lines.Encodef("deepen %d\n", depth)
	}
	_ = lines.Flush()
	_ = lines.EncodeString("done\n")
	return out.Bytes()
}

// answer reads what precedes the pack and returns the pack's bytes.
func (l *listing) answer(r *stream) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if _, shallow := l.capabilities["shallow"]; shallow {
		if err := skipShallow(in); err != nil {
			return nil, err
		}
	}
	for first := true; first || acknowledges(in); first = false {
		lines := pktline.NewScanner(in)
		if !lines.Scan() {
			return nil, brokenAnswer(lines.Err())
		}
		if line := lines.Bytes(); !bytes.HasPrefix(line, []byte("NAK")) && !bytes.HasPrefix(line, []byte("ACK")) {
			return nil, failf(BadServer, "the server does not answer a request for a pack as git's protocol says, but with %s", foreign(string(line)))
		}
	}
	for _, c := range []string{"side-band-64k", "side-band"} {
		if _, ok := l.capabilities[c]; ok {
			return &sideband{stream: r, lines: pktline.NewScanner(in)}, nil
		}
	}
	return in, nil
}

// sideband takes the pack out of packets that may be messages as well.
type sideband struct {
	stream *stream
	lines  *pktline.Scanner
	rest   []byte // of the last packet
}

func (s *sideband) Read(b []byte) (int, error) {
	for len(s.rest) == 0 {
		if !s.lines.Scan() {
			if s.lines.Err() == nil {
				return 0, io.EOF
			}
			return 0, s.stream.fail(brokenAnswer(s.lines.Err()))
		}
		line := s.lines.Bytes()
		if len(line) == 0 {
			return 0, io.EOF
		}
		switch line[0] {
		case 1:
			s.rest = line[1:]
		case 2: // progress
		case 3:
			return 0, s.stream.fail(remoteSaid(string(line[1:])))
		default:
			return 0, s.stream.fail(failf(BadServer, "the server sends neither pack nor message, but %s", foreign(string(line))))
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// skipShallow reads the lines that say where history was cut off.
func skipShallow(in io.Reader) error {
	lines := pktline.NewScanner(in)
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			return nil
		}
		if !bytes.HasPrefix(line, []byte("shallow ")) && !bytes.HasPrefix(line, []byte("unshallow ")) {
			return failf(BadServer, "the server does not say where it cuts off history, but %s", foreign(string(line)))
		}
	}
	return brokenAnswer(lines.Err())
}

// acknowledges tells whether one more such line follows, as from servers that say it
// once for multi_ack and once for the end. In front of them is a length of four digits.
func acknowledges(in *bufio.Reader) bool {
	ahead, err := in.Peek(7)
	return err == nil && (string(ahead[4:]) == "NAK" || string(ahead[4:]) == "ACK")
}

func brokenAnswer(err error) error {
	if said, ok := errors.AsType[*pktline.ErrorLine](err); ok {
		return remoteSaid(said.Text)
	}
	if err != nil {
		return failf(BadServer, "the server's answer is malformed (%v)", err)
	}
	return failf(BadServer, "the server's answer ends before the pack")
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

// dial connects, and makes the connection fail when nothing moves on it.
func (t timeouts) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: t.connect}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &idleConn{Conn: conn, idle: t.idle}, nil
}

// idleConn gives each read and each write its own deadline.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *idleConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
