// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
)

// Fetch polls once, over a connection of its own: see [Session.Fetch].
func Fetch(ctx context.Context, r Request) (Result, error) {
	r.Keep = false
	return new(Session).Fetch(ctx, r)
}

// fetcher is one poll.
type fetcher struct {
	Request
	endpoint endpoint
	timeouts timeouts
	session  *Session
	token    *Token
	built    bool // upon what is published
	narrow   bool // the folder that is published, and no other
}

func (f *fetcher) run(ctx context.Context) (Result, error) {
	if err := f.check(f.endpoint); err != nil {
		return Result{}, err
	}
	if hash40.MatchString(f.Ref) && f.Ref == f.Have {
		return Result{Commit: f.Have}, nil // a hash means the same for ever
	}
	if err := f.connect(ctx); err != nil {
		return Result{}, err
	}
	return f.poll(ctx)
}

// look finds what the wanted ref means to the server.
func (f *fetcher) look(ctx context.Context, server remote) (*greeting, target, error) {
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
