// SPDX-License-Identifier: Apache-2.0

// Package apply applies what the chart renders to a real kube-apiserver, as Helm, kubectl
// and GitOps controllers do.
package apply
