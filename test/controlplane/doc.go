// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a real Kubernetes control plane (etcd,
// kube-apiserver, kube-controller-manager) and the real webhook binary on this
// machine, for the integration tests and for the demo. There is no kubelet: pods
// are admitted, stored and read back, and never start.
//
// Three things are as they are in a cluster, and tests lean on them:
//
//   - The ServiceAccount admission plugin is on (envtest turns it off), so pods
//     get a token volume, and need the ServiceAccount that controllers make.
//   - The webhook configurations are those of config/webhook. Only their
//     clientConfigs are replaced: a loopback URL instead of a Service.
//   - The webhook is a process of its own, with the flags a Deployment would give
//     it, behind TLS.
//
// One thing is not: for a loopback URL kube-apiserver offers HTTP/2, which it
// never does for a Service. The webhook takes HTTP/1.1 only, so that is what is
// spoken here too, but tests of connection reuse and of rollouts need a Service.
//
// A TestMain is two lines:
//
//	func TestMain(m *testing.M) {
//		os.Exit(controlplane.Run(controlplane.Options{Controllers: true, Webhook: true},
//			func(_ context.Context, p *controlplane.Plane) int { plane = p; return m.Run() }))
//	}
//
// A test binary that panics or exceeds its -timeout ends without stopping
// anything: etcd and kube-apiserver then have to be killed by hand.
package controlplane
