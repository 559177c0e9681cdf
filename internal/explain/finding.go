// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// Code names what was found. The set is closed, as that of the reasons is.
type Code string

// The codes. The reference lists them with the sentences of [Codes].
const (
	AnnotationsOnWorkload Code = "AnnotationsOnWorkload"
	AnnotatedLater        Code = "AnnotatedLater"
	PodOlderThanWebhook   Code = "PodOlderThanWebhook"
	NoWebhook             Code = "NoWebhook"
	NamespaceLeftOut      Code = "NamespaceLeftOut"
	FailurePolicyIgnore   Code = "FailurePolicyIgnore"
	NotInjected           Code = "NotInjected"
	ContainerTakenAway    Code = "ContainerTakenAway"
	RestartPolicyLost     Code = "RestartPolicyLost"
	MountTakenAway        Code = "MountTakenAway"
	ChangedByOthers       Code = "ChangedByOthers"
	MadeByOther           Code = "MadeByOther"
	PolicyLabelIgnored    Code = "PolicyLabelIgnored"
	PolicyNotKnown        Code = "PolicyNotKnown"
	DeniedToday           Code = "DeniedToday"
	ForeignStatus         Code = "ForeignStatus"
	LeftOut               Code = "LeftOut"
	AskedInVain           Code = "AskedInVain"
	HelperFailing         Code = "HelperFailing"
	VolumeNotMounted      Code = "VolumeNotMounted"
	NotRunningYet         Code = "NotRunningYet"
	LimitRangeDenies      Code = "LimitRangeDenies"
	QuotaDenies           Code = "QuotaDenies"
	NotLookedAt           Code = "NotLookedAt"
)

// CodeDoc is one row of the reference.
type CodeDoc struct {
	Code Code
	Doc  string
}

// Codes lists the closed set with its documentation.
func Codes() []CodeDoc {
	return []CodeDoc{
		{AnnotationsOnWorkload, "The annotations are on the workload itself instead of its pod template, where they have no effect."},
		{AnnotatedLater, "Annotations were put on the pod, or changed, after it had been made; helpers are added only when a pod is created."},
		{PodOlderThanWebhook, "The pod was made before the webhook was installed."},
		{NoWebhook, "No MutatingWebhookConfiguration of the cluster calls Pillion."},
		{NamespaceLeftOut, "The selectors of Pillion's webhooks leave out the namespace or the pod."},
		{FailurePolicyIgnore, "The webhook's failurePolicy is Ignore, so a pod is made without its helper while the webhook is down."},
		{NotInjected, "The pod requests a helper and has none, and nothing that can still be seen says why."},
		{ContainerTakenAway, "The status says that a helper was added, and the pod has no such container: another webhook took it away."},
		{RestartPolicyLost, "The helper's container lost its restartPolicy, so what was a sidecar is an init container that the pod waits for."},
		{MountTakenAway, "A container of the app lost the mount of a helper's volume."},
		{ChangedByOthers, "What Pillion had added was changed to something that Pillion would not add, such as another image. An image mirror, a stricter pull policy, proxy variables, and cpu and memory are no such change."},
		{MadeByOther, "The pod was made by another version, or under another policy, than pods are now."},
		{PolicyLabelIgnored, "The namespace's label names one policy, and the webhook that is sent its pods applies another."},
		{PolicyNotKnown, "The policy that the cluster has could not be read, so another one is used instead."},
		{DeniedToday, "The pod runs, and a pod like it would be denied today."},
		{ForeignStatus, "The pod's status annotation does not have the form that Pillion gives it, so it was not written by Pillion, and nothing in it is shown or believed."},
		{LeftOut, "Another webhook added a container after the first review, and it cannot take part in a helper. The pod was admitted without it."},
		{AskedInVain, "The pod is a Windows pod, or a static one, and requests a helper, which neither can have."},
		{HelperFailing, "A helper, or the command prefix that waits, cannot run: its image cannot be pulled, or it ends with an error. The last error of its log is repeated."},
		{VolumeNotMounted, "The kubelet cannot mount a volume of a helper, usually because a Secret or a ConfigMap does not exist."},
		{NotRunningYet, "The app waits for a helper that has not started, or has not done its work yet."},
		{LimitRangeDenies, "A LimitRange of the namespace denies the pod with its helpers. The API server asks it after all webhooks, so at admission Pillion cannot tell."},
		{QuotaDenies, "A ResourceQuota of the namespace denies the next pod with its helpers: too little of it is free."},
		{NotLookedAt, "Something could not be read, usually for want of a permission."},
	}
}

// askedInVain is the finding about a pod that no helper can run in.
func askedInVain(why reason.Reason) Finding {
	if why == reason.MirrorPod {
		return Finding{Code: AskedInVain, Problem: true, Text: "a static pod is read from the node's disk, so nothing can be added to it", Fix: "put the helper into its file, and remove the annotations"}
	}
	return Finding{Code: AskedInVain, Problem: true, Text: "helpers are Linux containers, so this Windows pod gets none", Fix: "remove the annotations, or run the pod on Linux nodes"}
}

// Finding is something that the decision alone does not tell.
type Finding struct {
	Code Code `json:"code"`
	// Problem tells a finding that keeps the pod from what it asks for, or may do so,
	// from one that is good to know.
	Problem bool   `json:"problem"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"`
}

// joinAnd writes a list as people do.
func joinAnd(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
