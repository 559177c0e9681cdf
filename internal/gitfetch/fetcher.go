// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"crypto/sha256"
)

// fetcher is one poll.
type fetcher struct {
	Request
	endpoint endpoint
	timeouts timeouts
	session  *Session
	token    *Token
	built    bool // upon what is published
	narrow   bool // the directory that is published, and no other
}

// resolveRef finds what the wanted ref means to the server.
func (f *fetcher) resolveRef(ctx context.Context, server remote) (*greeting, target, error) {
	l := newListing(f.Ref)
	hello := f.session.greeting
	if hello == nil {
		text, err := server.greet(ctx)
		if err != nil {
			return nil, target{}, err
		}
		in := &stream{ctx: ctx, r: text, left: maxRefs, what: "list of refs"}
		if hello, err = readGreeting(&packets{r: bufio.NewReaderSize(in, 64<<10)}, l); err != nil {
			return nil, target{}, in.or(err)
		}
	}
	if hello.v2 && server.forgetful() {
		f.session.greeting = hello
	}
	if hello.v2 && l.candidates != nil {
		text, err := server.ask(ctx, hello.listRefs(l))
		if err != nil {
			return nil, target{}, err
		}
		in := &stream{ctx: ctx, r: text, left: maxRefs, what: "list of refs"}
		if err := l.readList(&packets{r: bufio.NewReaderSize(in, 64<<10)}); err != nil {
			return nil, target{}, in.or(err)
		}
	}
	want, err := l.resolve(hello, f.Depth)
	return hello, want, err
}

// A Session polls again and again, over one connection as long as that holds. The zero
// value is ready. It is not safe for use by several goroutines.
type Session struct {
	key      [sha256.Size]byte // of what the connection depends on
	server   remote            // nil: none
	secrets  secrets           // of the connection
	token    *Token            // of the connection, for github-app
	greeting *greeting         // of a server that need not be greeted again

	disk    int64 // what the last checkout takes of the volume
	entries int   // its files, links and directories
}
