// SPDX-License-Identifier: Apache-2.0

// Package inject decides what Pillion adds to a pod.
//
// It is the whole product with nothing around it: a view of a pod and a policy
// go in, a [Decision] comes out. The same function serves the webhook, the
// command line and the tests, and its answer depends on its arguments alone: no
// clock, no network, no file, no logger.
//
// The pipeline, one step after the other:
//
//	annotations.go   annotations      -> []helper.Request, every mistake collected
//	addition.go      []helper.Request -> the same with what the policy adds to every pod
//	review.go        []helper.Request -> the same with the policy's defaults, or denials
//	inject.go        []helper.Request -> plan.Plan, helper by helper; the table of contents: Decide
//	reserved.go      what already has a reserved name and belongs to no helper
//
// The rooms below it have one idea each: pod (the view), option (kinds of values), rule (what a
// policy says), helper (what a helper is, and the editor), plan (what may be added, and the patch),
// reason (the words in which a review ends). Which helpers there are, a policy says; the core
// knows none by name.
package inject
