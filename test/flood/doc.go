// SPDX-License-Identifier: Apache-2.0

// Package flood measures what the webhook withstands: the real binary, in a process of its
// own with the environment that the chart gives it, beside callers who mean harm. It talks
// to 127.0.0.0/8 only, each caller from an address of its own.
//
//	FLOOD_MEASURE=1 go test -count=1 -v -run Measure ./test/flood
//
// It takes some two minutes and prints the table of docs/performance.md. Memory and served
// reviews are asserted, time is not.
package flood
