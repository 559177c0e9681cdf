// SPDX-License-Identifier: Apache-2.0

// Package target reads what people write about what to notify of a change: a URL of the pod's
// own loopback, the statuses that mean success, and a signal for the processes of a
// container. The webhook reads annotations with it and the helper reads its flags, so what the
// one admits the other understands.
//
// Its errors complete the sentence "the value …" and say what would be right.
package target
