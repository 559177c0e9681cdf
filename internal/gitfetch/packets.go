// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxPacket is the longest packet, with its length in front, in bytes.
const maxPacket = 65520

// packet is what a packet is for.
type packet int

// The kinds of packets (gitprotocol-common(5), gitprotocol-v2(5)).
const (
	flush     packet = 0 // the end of a message
	delimiter packet = 1 // between the sections of a message, from version 2 on
	content   packet = 4 // whatever is longer
)

// packets reads git's packets: four hexadecimal digits that say how long the packet is,
// themselves included, and then a line or a piece of a pack. go-git's scanner knows no
// delimiters.
type packets struct {
	r    io.Reader
	line []byte // of the last packet with content; valid until the next is read
	data [maxPacket]byte
}

// next reads a packet. Its error is io.EOF if there is none, and what the server says
// if the packet is an error message.
func (p *packets) next() (packet, error) {
	p.line = nil
	head := p.data[:4]
	if _, err := io.ReadFull(p.r, head); err != nil {
		return flush, err
	}
	length, err := strconv.ParseUint(string(head), 16, 16)
	switch {
	case err != nil || length > maxPacket || length > uint64(delimiter) && length < uint64(content):
		return flush, fmt.Errorf("%s is not the length of a packet", quote(string(head)))
	case length <= uint64(delimiter):
		return packet(length), nil
	}
	line := p.data[:length-4]
	if _, err := io.ReadFull(p.r, line); err != nil {
		return flush, unexpected(err)
	}
	if text, ok := bytes.CutPrefix(line, []byte("ERR ")); ok {
		return flush, remoteSaid(string(text))
	}
	p.line = line
	return content, nil
}

// text is the last packet's line without its end.
func (p *packets) text() string { return string(bytes.TrimSuffix(p.line, []byte("\n"))) }

// broken is the error of a message of the server that cannot be read, or ends before
// its time.
func broken(err error, what, early string) error {
	switch _, said := errors.AsType[*failure](err); {
	case said:
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failf(BadServer, "the server's %s ends %s", what, early)
	}
	return failf(BadServer, "the server's %s is malformed (%v)", what, err)
}

// appendPacket adds a packet with a line to a message.
func appendPacket(message []byte, line string) []byte {
	return fmt.Appendf(message, "%04x%s\n", len(line)+5, line)
}

const (
	flushPacket     = "0000"
	delimiterPacket = "0001"
)

// unexpected is the error of an end where there should be more.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		return io.ErrUnexpectedEOF
	}
	return err
}
