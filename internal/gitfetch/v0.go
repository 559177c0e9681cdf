// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// order encodes a request for a pack.
func (g *greeting) order(o order) []byte {
	if g.v2 {
		return g.fetch(o)
	}
	return g.want(o)
}

// want encodes a request for a pack of the versions before 2 (gitprotocol-pack(5)).
// multi_ack makes no difference to us, who have nothing to negotiate, but Azure DevOps
// answers 400 without it; ofs-delta is shorter; the rest keeps the server's chatter away.
func (g *greeting) want(o order) []byte {
	var capabilities []string
	for _, name := range []string{
		g.first("multi_ack_detailed", "multi_ack"), g.first("side-band-64k", "side-band"),
		g.first("ofs-delta"), g.first("no-progress"), g.first("shallow"),
	} {
		if name != "" {
			capabilities = append(capabilities, name)
		}
	}
	if !o.have.IsZero() && g.has("thin-pack") {
		capabilities = append(capabilities, "thin-pack")
	}
	if g.has("agent") {
		capabilities = append(capabilities, "agent="+strings.ReplaceAll(agent, " ", "-"))
	}
	var out []byte
	for i, want := range o.wants {
		line := "want " + want.String()
		if i == 0 {
			line += " " + strings.Join(capabilities, " ")
		}
		out = appendPacket(out, line)
	}
	if g.fetches("shallow") {
		for _, line := range o.shallow() {
			out = appendPacket(out, line)
		}
	}
	out = append(out, flushPacket...)
	if !o.have.IsZero() {
		out = appendPacket(out, "have "+o.have.String())
	}
	return appendPacket(out, "done")
}

// answer reads what precedes the pack and returns the pack's bytes.
func (g *greeting) answer(r *stream) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	in := &packets{r: buffered}
	if g.v2 {
		return &sideband{stream: r, in: in}, readSections(in)
	}
	if g.has("shallow") {
		if err := readShallow(in, flush); err != nil {
			return nil, err
		}
	}
	for first := true; first || acknowledges(buffered); first = false {
		if _, err := in.next(); err != nil {
			return nil, broken(err, "answer", "before the pack")
		}
		if line := in.line; !bytes.HasPrefix(line, []byte("NAK")) && !bytes.HasPrefix(line, []byte("ACK")) {
			return nil, failf(BadServer, "the server does not answer a request for a pack as git's protocol says, but with %s", foreign(string(line)))
		}
	}
	if g.first("side-band-64k", "side-band") != "" {
		return &sideband{stream: r, in: in}, nil
	}
	return buffered, nil
}

// acknowledges reports whether one more such line follows, as from servers that say it
// once for multi_ack and once for the end. In front of them is a length of four digits.
func acknowledges(in *bufio.Reader) bool {
	ahead, err := in.Peek(7)
	return err == nil && (string(ahead[4:]) == "NAK" || string(ahead[4:]) == "ACK")
}

// sideband takes the pack out of packets that may be messages as well.
type sideband struct {
	stream *stream
	in     *packets
	rest   []byte // of the last packet
}

func (s *sideband) Read(b []byte) (int, error) {
	for len(s.rest) == 0 {
		kind, err := s.in.next()
		if err == io.EOF || err == nil && kind == flush { //nolint:errorlint // a reader's end is io.EOF itself
			return 0, io.EOF
		}
		if err != nil {
			return 0, s.stream.fail(broken(err, "answer", "in the middle of the pack"))
		}
		line := s.in.line
		switch {
		case len(line) > 0 && line[0] == 1:
			s.rest = line[1:]
		case len(line) > 0 && line[0] == 2: // progress
		case len(line) > 0 && line[0] == 3:
			return 0, s.stream.fail(remoteSaid(string(line[1:])))
		default:
			return 0, s.stream.fail(failf(BadServer, "the server sends neither pack nor message, but %s", foreign(string(line))))
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
