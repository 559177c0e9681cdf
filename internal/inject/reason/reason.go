// SPDX-License-Identifier: Apache-2.0

// Package reason has the words in which a review ends: the closed sets of results and
// reasons, what each means, and the problems of a pod that are told in sentences.
package reason

// Result is the outcome of a review in one word.
type Result string

// The results. A new one is a change of the product's surface: it shows up in
// metrics, logs, audit annotations and the status annotation.
const (
	Injected  Result = "Injected"  // something was added or renewed
	Unchanged Result = "Unchanged" // everything asked for is there already
	Skipped   Result = "Skipped"   // the pod is admitted without helpers
	Denied    Result = "Denied"    // the pod is denied
	Failed    Result = "Failed"    // Pillion could not answer; failurePolicy decides
)

// Reason says why a review ended as it did. The set is closed: the same words feed
// the status annotation, the metric label, the log line, the audit annotation, the
// command line and the generated reference.
type Reason string

// The reasons, in the order of the reference.
const (
	Requested        Reason = "Requested"
	Required         Reason = "Required"
	ByDefault        Reason = "ByDefault"
	WouldBeDenied    Reason = "WouldBeDenied"
	AlreadyInjected  Reason = "AlreadyInjected"
	NothingRequested Reason = "NothingRequested"
	OptedOut         Reason = "OptedOut"
	NotByDefault     Reason = "NotByDefault"
	WindowsPod       Reason = "WindowsPod"
	MirrorPod        Reason = "MirrorPod"

	UnknownAnnotation Reason = "UnknownAnnotation"
	TooMany           Reason = "TooMany"
	InvalidValue      Reason = "InvalidValue"
	MissingOption     Reason = "MissingOption"
	Contradiction     Reason = "Contradiction"
	UnknownContainer  Reason = "UnknownContainer"
	PathConflict      Reason = "PathConflict"
	PodConflict       Reason = "PodConflict"
	ReservedName      Reason = "ReservedName"
	HelperNotAllowed  Reason = "HelperNotAllowed"
	ValueNotAllowed   Reason = "ValueNotAllowed"
	LimitExceeded     Reason = "LimitExceeded"
	HostNetwork       Reason = "HostNetwork"
	RuntimeClass      Reason = "RuntimeClass"
	RequiredHelper    Reason = "RequiredHelper"
	UnknownPolicy     Reason = "UnknownPolicy"

	WrongObject    Reason = "WrongObject"
	NothingChanged Reason = "NothingChanged"

	PolicyNotLoaded Reason = "PolicyNotLoaded"
	ReviewNotRead   Reason = "ReviewNotRead"
	MalformedReview Reason = "MalformedReview"
	InternalError   Reason = "InternalError"
)

// OfPolicy reports whether a reason to deny a pod is a rule of its policy, not a mistake of
// the pod itself. A policy with enforcement Warn admits such a pod.
func (r Reason) OfPolicy() bool {
	switch r {
	case HelperNotAllowed, ValueNotAllowed, LimitExceeded, HostNetwork, RuntimeClass, RequiredHelper:
		return true
	default:
		return false
	}
}
