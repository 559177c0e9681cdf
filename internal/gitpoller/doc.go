// SPDX-License-Identifier: Apache-2.0

// Package gitpoller keeps a volume equal to a git repository. It decides when to look
// at the remote, publishes what a look found, and tells about it in log and metrics.
//
// It never ends because git failed: a sidecar that ends makes its whole pod unready,
// so an outage of the git server would take down every replica of every app. It goes
// on trying, and the last good commit stays published.
//
// The looking itself is done by a child process, one for each look: see [Child]. What
// a hostile server or repository can do to a program that parses its answers (take
// all the memory, take for ever, make it panic) then happens to a process that
// nobody needs.
package gitpoller
