// SPDX-License-Identifier: Apache-2.0

// Package poller measures git-poller beside git itself: what a poll, a first sync and an
// update of one line cost both, and the server. It asserts nothing.
package poller
