// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
)

// mostAsked is how many git-pollers are asked in a minute.
const mostAsked = 40

// contents are what git-pollers said last. They are asked in the background, some at a time, and
// each once a minute.
type contents struct {
	mutex sync.Mutex
	busy  bool
	known map[poller]answer
	// forbidden is why nobody is asked again; "" if that is allowed.
	forbidden string
}

type answer struct {
	content
	at time.Time
}

// of are the answers of pollers, as far as they are known; the others are asked.
func (c *contents) of(ctx context.Context, client *cluster.Client, all []poller) map[poller]content {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	found := map[poller]content{}
	next := map[poller]answer{}
	var due []poller
	for _, p := range all {
		a, known := c.known[p]
		if known {
			next[p], found[p] = a, a.current()
		}
		if (!known || time.Since(a.at) > worldTime) && len(due) < mostAsked {
			due = append(due, p)
		}
	}
	c.known = next // without those of pods that are gone
	if len(due) == 0 || c.busy || c.forbidden != "" {
		return found
	}
	c.busy = true
	go c.ask(context.WithoutCancel(ctx), client, due)
	return found
}

// first asks some of the pollers, and waits for their answers.
func (c *contents) first(ctx context.Context, client *cluster.Client, all []poller) {
	c.known = map[poller]answer{}
	c.ask(ctx, client, all[:min(len(all), mostAsked)])
}

func (c *contents) ask(ctx context.Context, client *cluster.Client, due []poller) {
	answers := ask(ctx, client, due, contentTimeout, "status", "-o", "json")
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for i, a := range answers {
		if a.forbidden {
			c.forbidden = a.Error
			break
		}
		c.known[due[i]] = answer{a, time.Now()}
	}
	c.busy = false
}

// why is why commits are not known; "" if they are.
func (c *contents) why() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.forbidden
}

// current is the answer with its age as of now.
func (a *answer) current() content {
	now := a.content
	if s := now.Status; s != nil && s.AgeSeconds != nil {
		older := *s
		older.AgeSeconds = new(*s.AgeSeconds + time.Since(a.at).Seconds())
		now.Status = &older
	}
	return now
}
