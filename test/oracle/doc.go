// SPDX-License-Identifier: Apache-2.0

// Package oracle judges the pods that Pillion makes by Kubernetes' own code: the API
// server's defaulting, validation and warnings, its patch library, the Pod Security
// evaluator, the kubelet's variable expansion and the computation of the QoS class.
//
// It is a module of its own, because k8s.io/kubernetes is no dependency of a webhook:
//
//	go -C test/oracle test ./...                      # the golden pods and 3,000 random ones
//	go -C test/oracle test . -args -pods 100000       # more of them
//	go -C test/oracle test -fuzz FuzzInjectedPodIsValid -fuzzminimizetime 3s .
package oracle
