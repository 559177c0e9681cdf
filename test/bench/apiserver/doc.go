// SPDX-License-Identifier: Apache-2.0

// Package apiserver measures what adding a sidecar costs the whole creation of a pod, on a
// real kube-apiserver with etcd: by Pillion's webhook, and by a MutatingAdmissionPolicy of
// Kubernetes itself that adds the same sidecar with a JSON patch, and decides nothing.
//
//	make bench-apiserver
//
// Both serve one API server, and each takes the pods of a namespace of its own. A turn is as
// many creations as the round has, over c connections; the pods are stored, and deleted
// after the turn. Turns alternate, and another way is the first in each round. A figure is the
// median over the rounds of the ratio of two turns of the same round, so what else runs on the
// machine slows both.
//
// "neither" is the same pod in a namespace where nothing is added.
//
// The webhook is called by URL, not by its Service, over connections that are kept open. The
// audit log is on. Without -bench the tests see that both ways make the same pod.
package apiserver
