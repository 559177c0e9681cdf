// SPDX-License-Identifier: Apache-2.0

// Package gitpoller keeps a volume equal to a git repository. It decides when to poll
// the remote, publishes what a poll found, tells the app ([notify.Notifier]), and says in
// log, metrics and on a [Board] how it stands.
//
// It never ends because git failed: a sidecar that ends makes its whole pod unready,
// so an outage of the git server would take down every replica of every app. It goes
// on trying, and the last good commit stays published.
//
// A child process polls, over one connection as long as that is of use: see [Child]. What
// a hostile server or repository can do to a program that parses its answers (take
// all the memory, take forever, make it panic) then happens to an expendable
// process.
package gitpoller
