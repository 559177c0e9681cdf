// SPDX-License-Identifier: Apache-2.0

// Package server puts an [http.Handler] behind the port that kube-apiserver
// calls, and keeps that port answering through certificate renewals and
// rollouts.
//
// Two ports. The serving port speaks TLS and HTTP/1.1, carries the given
// handler and nothing else, and opens only when there is a certificate to show.
// The health port speaks plain HTTP: /healthz, /readyz and /metrics.
//
// Three rules shape the rest:
//
//   - A certificate that cannot be served never replaces one that can.
//     See [Certificates].
//   - The server never closes an idle connection that the API server may be
//     about to use: kube-apiserver does not retry a review that meets a closed
//     connection. See idleTimeout and [Server.Run].
//   - Our own failure is an HTTP status the API server can read as a failed
//     call, never a cut connection and never a denial.
package server
