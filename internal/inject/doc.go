// SPDX-License-Identifier: Apache-2.0

// Package inject decides what Pillion adds to a pod.
//
// It is the whole product with nothing around it: a view of a pod and a policy
// go in, a [Decision] comes out. The same function serves the webhook, the
// command line and the tests, and its answer depends on its arguments alone: no
// clock, no network, no file, no logger.
//
// The pipeline, one file for each step:
//
//	annotations.go   annotations  -> []Request, every mistake collected
//	addition.go      []Request    -> []Request with what the policy adds to every pod
//	policy.go        []Request    -> []Request with the policy's defaults, or refusals
//	build.go         []Request    -> Plan, helper by helper (gitpoller.go, datewriter.go, ipc*.go, start*.go)
//	reserved.go      what already bears our names: kept, renewed or refused
//	inject.go        the table of contents: Decide
//
// What a user can type is declared once as data (option.go: name, kind, default,
// bounds, documentation) and parsed in one place (values.go and its neighbours).
//
// A [Plan] can say "add this", "renew what is ours" and "put our words in front of this
// command"; it has no way to say anything else, so nothing a user wrote can be changed
// or lost.
package inject
