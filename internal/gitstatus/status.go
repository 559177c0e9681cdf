// SPDX-License-Identifier: Apache-2.0

// Package gitstatus is what a git-poller says about itself: the JSON that
// "pillion-helper git-poller status -o json" prints and kubectl pillion reads.
package gitstatus

import "time"

// Status is the state of one git-poller. Times are those of the node's clock, so that an
// age is right only if it is computed there: see Age.
type Status struct {
	// Version is that of the helper.
	Version string `json:"version"`
	// Time is when the status was read.
	Time time.Time `json:"time"`
	// Started is when the helper's container was started the last time.
	Started time.Time `json:"started"`
	Repo    string    `json:"repo"`
	Ref     string    `json:"ref"`
	// PeriodSeconds is the time between two polls.
	PeriodSeconds float64 `json:"periodSeconds"`

	// Commit is what the app's containers see; "" if nothing is published yet.
	Commit string `json:"commit,omitempty"`
	// Published is when that was published; zero if that was before Started.
	Published time.Time `json:"published,omitzero"`
	// Files counts the files and links of Commit.
	Files int `json:"files"`
	// Bytes is the size of all files of Commit together.
	Bytes int64 `json:"bytes"`

	// Begun and Ended count polls since Started. If Begun is more than Ended one is under way.
	Begun int `json:"pollsBegun"`
	Ended int `json:"pollsEnded"`
	// LastPoll is the poll that ended last.
	LastPoll *Poll `json:"lastPoll,omitempty"`
	// LastSuccess is when Commit was last known to be what Ref means; zero if not since Started.
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	// AgeSeconds is the time from LastSuccess to Time; null without a LastSuccess.
	AgeSeconds *float64 `json:"ageSeconds"`
	// Failures counts the polls that have failed since LastSuccess.
	Failures int `json:"failures"`
	// LastError is the last poll that failed, even if later ones did not.
	LastError *Poll `json:"lastError,omitempty"`
	// NextPoll is when the next poll is due; zero while one is under way, and if there will be none.
	NextPoll time.Time `json:"nextPoll,omitzero"`

	// Notify is what the app was told.
	Notify []Notification `json:"notify,omitempty"`
}

// Results of a poll.
const (
	Changed   = "changed"
	Unchanged = "unchanged"
	Error     = "error"
)

// Poll is one poll of the remote.
type Poll struct {
	// Number counts from 1 since Started.
	Number int `json:"number"`
	// Result is Changed, Unchanged or Error.
	Result string `json:"result"`
	// Commit is what the ref means, if the poll has learnt that.
	Commit string    `json:"commit,omitempty"`
	Began  time.Time `json:"began"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
	// Reason and Message say why it failed: one word of a closed set, and one printable line.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Notification is how far an app has been told of commits.
type Notification struct {
	// Target is a request ("POST http://localhost:9090/-/reload") or a signal ("HUP:nginx").
	Target string `json:"target"`
	// Told is the commit that the app heard of last, and At when; "" if of none since Started.
	Told string    `json:"told,omitempty"`
	At   time.Time `json:"at,omitzero"`
	// Pending is true while the app has not heard of the newest commit.
	Pending bool `json:"pending"`
	// Error says why the last attempt failed; "" if it did not.
	Error string `json:"error,omitempty"`
}

// Read sets the time at which the status was read, and the age that follows.
func (s *Status) Read(now time.Time) {
	s.Time, s.AgeSeconds = now, nil
	if !s.LastSuccess.IsZero() {
		s.AgeSeconds = new(max(0, now.Sub(s.LastSuccess).Seconds()))
	}
}

// Age is how long ago Commit was last known to be what Ref means, by the node's clock;
// false if that is not known since the helper started.
func (s *Status) Age() (time.Duration, bool) {
	if s.AgeSeconds == nil {
		return 0, false
	}
	return time.Duration(*s.AgeSeconds * float64(time.Second)), true
}
