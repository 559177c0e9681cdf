// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
)

// trial is one call of try.
type trial struct {
	*tryOptions
	cluster    *live // nil without --live
	policies   *explain.Policies
	namespace  string // of objects that name none
	namespaces map[string]*explain.Cluster
	inFiles    []mountable
	trials     []tryPoller
}

// tryPoller is a git-poller as the webhook would add it to a pod.
type tryPoller struct {
	object    *object
	source    string
	pod       *corev1.PodSpec
	container *corev1.Container
}

// What a trial can end with.
const (
	wouldPublish = "published"
	wouldFail    = "failed"
	notKnown     = "unknown"
)

type tryOptions struct {
	inputs  inputs
	output  string
	policy  string
	authDir string
	direct  bool
	live    bool
	timeout time.Duration
	cluster cluster.Flags
}
