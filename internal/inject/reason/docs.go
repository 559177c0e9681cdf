// SPDX-License-Identifier: Apache-2.0

package reason

// Doc is one row of the reference: what a reason means and what to do about it.
type Doc struct {
	Reason Reason
	Result Result
	Text   string
}

// All lists the closed set with its documentation.
func All() []Doc {
	return []Doc{
		{Requested, Injected, "The pod's annotations request the helper, and it was added (or replaced a container that had its reserved name)."},
		{Required, Injected, "The policy of the namespace requires the helper in every pod, and it was added. A pod that requests another one as well has the reason Requested; in the status each helper has its own."},
		{ByDefault, Injected, "The policy of the namespace adds the helper to every pod that does not opt out, and it was added."},
		{WouldBeDenied, Injected, "The requested helpers were added, although a rule of the policy denies them: the policy has enforcement: Warn. Warnings say what it would have denied; the status and the audit annotations have the reasons under violations."},
		{AlreadyInjected, Unchanged, "Everything that the annotations request, or the policy adds, is in the pod already, as on a second call after another webhook."},
		{NothingRequested, Skipped, "The pod has annotations under pillion.dev but none that requests a helper."},
		{OptedOut, Skipped, "The pod opts out (pillion.dev/inject: \"false\") of what the policy of the namespace adds by default, and requests no helper itself."},
		{NotByDefault, Skipped, "The policy of the namespace adds helpers by default, but allows none in a pod that uses the node's network, or none in its RuntimeClass. The pod requests none and stays as it is."},
		{WindowsPod, Skipped, "The pod runs on Windows, where the helpers' Linux images and security settings are invalid."},
		{MirrorPod, Skipped, "The pod mirrors a static pod, and the node's own kubelet creates it; changing the mirror would not change what runs. The annotation of a mirror pod alone is not enough: the node's kubelet must have sent the request."},
		{UnknownAnnotation, Denied, "A key under pillion.dev is not one that Pillion knows: usually a typo. The message names the nearest valid key."},
		{TooMany, Denied, "The pod has more annotations under pillion.dev, or more containers, than Pillion considers."},
		{InvalidValue, Denied, "A value does not have the form that its option takes. The message says what would be right."},
		{MissingOption, Denied, "A requested helper lacks a required option."},
		{Contradiction, Denied, "Two options of one helper, or of two helpers, exclude each other, or the engine that the policy has for the helper cannot do what the option asks for."},
		{UnknownContainer, Denied, "An option names a container that the pod does not have, or one that cannot take part."},
		{PathConflict, Denied, "The mount path is taken by something else in a container that takes part, or lies inside or around another mount."},
		{PodConflict, Denied, "The annotation's request contradicts a field of the pod, or is more than its IPC namespace holds. The message names the field and a fix."},
		{ReservedName, Denied, "A container or volume has a name that begins with pillion-, which is reserved, and it is not one of the requested helpers."},
		{HelperNotAllowed, Denied, "The policy of the namespace does not list the helper."},
		{ValueNotAllowed, Denied, "The policy of the namespace does not allow the value. The message says what it allows."},
		{LimitExceeded, Denied, "The helpers, the shared memory or the volumes that the pod requests are more in all than the policy of the namespace allows. The message names the limit."},
		{HostNetwork, Denied, "The pod uses the node's network, and the policy does not allow helpers in such pods."},
		{RuntimeClass, Denied, "The pod's RuntimeClass is one in which the policy of the namespace does not allow helpers."},
		{RequiredHelper, Denied, "The policy of the namespace requires a helper, and the pod opts out of it, or runs on Windows, where it cannot be."},
		{UnknownPolicy, Denied, "The namespace's label pillion.dev/policy names a policy that does not exist, and the pod requests a helper."},
		{WrongObject, Skipped, "Never for a new pod: keys of Pillion are where they do nothing, such as on the workload itself instead of its pod template, among the labels, or on a Service. A warning names the right place."},
		{NothingChanged, Skipped, "Of a workload only: an update that changes neither its pod template nor its own annotations under pillion.dev. Nothing is said again."},
		{PolicyNotLoaded, Failed, "The review is for a policy that this replica has not loaded, as can happen during a rollout. It is answered with an HTTP 503 that the API server retries on another replica, and failurePolicy decides."},
		{ReviewNotRead, Failed, "The request did not arrive whole: the replica holds as many request bodies as it may (--max-bodies), or the caller broke off. It is answered with an HTTP 503 that the API server retries, and failurePolicy decides."},
		{MalformedReview, Failed, "The request was not a review that Pillion can read. It is answered with an HTTP 4xx, and failurePolicy decides."},
		{InternalError, Failed, "Pillion itself failed. It is answered with an HTTP 5xx, and failurePolicy decides."},
	}
}
