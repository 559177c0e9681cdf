// SPDX-License-Identifier: Apache-2.0

// Package explain tells a person what Pillion makes of a pod or a workload, and why.
//
// The decision is the one of package inject, on the same bytes and by the same code as
// in the webhook. Around it stands what no webhook can see: which policy the namespace
// picks and how, annotations on the wrong object, pods that were made before the
// webhook was there, containers that somebody else took away. Nothing here talks to a
// cluster: what was read of one comes in as a [Cluster].
//
//	policies.go   the policies that are known, and which of them a namespace has
//	cluster.go    what was read of the cluster; which webhooks are sent its pods
//	report.go     the report on an object: decision, rules, options, additions
//	changes.go    a JSON patch in words
//	pod.go        the state of a pod that exists
//	causes.go     why a pod that asks has nothing
package explain
