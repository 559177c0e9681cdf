// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"context"
	"errors"
	"time"

	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/publish"
)

// keepAtMost is the longest period over which a connection is kept: servers close
// those on which nothing moves after a minute or a few.
const keepAtMost = 2 * time.Minute

// fullAfter is the number of failures in a row after which nothing that is published is
// built upon, in case it has to do with them.
const fullAfter = 3

// poll asks the remote and, if the ref means another commit than the one that is
// published, publishes that.
func (p *poller) poll(ctx context.Context, have string) (gitfetch.Result, error) {
	if err := p.volume.Repair(); err != nil {
		return gitfetch.Result{}, local(err)
	}
	if err := p.volume.Sweep(p.Grace, p.Request.MaxBytes); err != nil {
		return gitfetch.Result{}, local(err)
	}
	stage, err := p.volume.Stage()
	if err != nil {
		return gitfetch.Result{}, local(err)
	}
	request := p.Request
	request.Have, request.Dir = have, stage
	request.Keep = !p.Once && p.Period <= keepAtMost
	if p.failures < fullAfter {
		request.Published, request.Kept = p.volume.Kept()
	}
	if p.blamed != nil && time.Since(p.since) < blameFor {
		request.Bad = p.blamed.Commit
	}
	timed, cancel := context.WithTimeout(ctx, p.FetchTimeout)
	defer cancel()
	result, err := p.Fetch(timed, request)
	p.Request.Token = result.Token
	if err == nil && request.Bad != "" && result.Commit == request.Bad {
		err = p.blamed
	} else {
		p.remember(err)
	}
	if err == nil && result.Changed {
		err = p.publish(result.Commit)
	}
	if err != nil || result.Changed {
		if dirty := p.volume.Discard(); dirty != nil && err == nil {
			p.Log.Warn("cleaning up failed", "error", dirty.Error())
		}
	}
	return result, err
}

func (p *poller) publish(commit string) error {
	if err := p.volume.Publish("tree", commit); err != nil {
		return local(err)
	}
	if err := p.volume.Keep("kept"); err != nil { // the next commit will be fetched whole
		p.Log.Warn("nothing is kept for the next commit to build upon", "error", err.Error())
	}
	return nil
}

// remember keeps a commit's fault. A poll that fails in another way, without having
// learnt what the ref means now, does not change what is known of that commit.
func (p *poller) remember(err error) {
	e, ok := errors.AsType[*gitfetch.Error](err)
	switch {
	case err == nil:
		p.blamed = nil
	case ok && e.Commit != "":
		p.blamed, p.since = e, time.Now()
	}
}

// local is an error on our side of the connection.
func local(err error) error {
	reason := gitfetch.Local
	if _, ok := errors.AsType[publish.OccupiedError](err); ok {
		reason = gitfetch.Refused
	}
	return &gitfetch.Error{Reason: reason, Message: err.Error()}
}
