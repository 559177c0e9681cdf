// SPDX-License-Identifier: Apache-2.0

// Package demo runs hack/demo as a user does: to its end, and with Ctrl-C in its middle.
package demo
