// SPDX-License-Identifier: Apache-2.0

// Package notify tells an app of the pod that something has changed: by an HTTP request
// to the pod's own loopback ([Request]), or by a signal to the processes of one of its
// containers ([Signal]).
//
// An app is told until it has heard, or until the next change takes the place of this
// one ([Notifier]). Nothing here holds up the helper's own work, and nothing that an app
// does (never answer, answer without end, redirect, claim to be another container)
// costs more than a bounded time and a bounded number of bytes.
package notify
