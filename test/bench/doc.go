// SPDX-License-Identifier: Apache-2.0

// Package bench measures the webhook as the API server uses it: the real binary, in a
// process of its own, asked over TLS on 127.0.0.1. What it takes is told as a ratio to three
// baselines that are measured in the same run, in processes of their own as well:
//
//   - fixed (test/bench/fixed) reads the review and answers with a file. It is the floor:
//     what net/http, TLS and the kernel cost any webhook in Go.
//   - plain (test/bench/plain) is what a team writes for itself: net/http and encoding/json, of
//     the review no more decoded than is needed. It decides nothing and logs nothing.
//   - naive (test/bench/naive) is how most sidecar injectors are written: controller-runtime's
//     admission.Webhook, the pod decoded into its Go type and encoded again, and a patch that
//     the library finds by comparing. It adds what Pillion adds, and decides nothing.
//
// To run it, on Linux:
//
//	go test -run '^$' -bench . -count 6 ./test/bench
//
// It takes some six minutes, prints a line for each run in the format of benchstat, and at the
// end the tables of docs/performance.md. Nothing is asserted about time; but a ratio of processor
// time or memory to fixed that is more than 1.25 times the one in testdata/ratios.json is an
// error, and -update writes that file. Without -bench, the tests see that the servers answer as
// they should; a benchmark sees to that first, too.
//
// # What is sent
//
// small is the review of a pod with one container that asks for a git-poller (4.8 KB);
// 20-containers the same with 20, each with 33 environment variables (59 KB); nothing-asked is
// small without the annotations; already-there is small as Pillion has patched it, as it comes
// for reinvocation. All are replicas of one pod: each review has a uid and a drawn volume name of
// its own. In the rows that say "all different" each pod has a template of its own as well. c is how many connections send, each waiting for its answer.
//
// The client does what the API server's does for a webhook that is named by its Service:
// HTTP/1.1 and never HTTP/2 (k8s.io/apiserver v0.37, pkg/util/webhook/client.go,
// hookClientConfig), over connections that are kept open, 25 of them when idle
// (k8s.io/client-go v0.37, transport/cache.go), and without TLS sessions.
//
// # How to read it
//
// In each round, each server has a turn of at most a second or 2000 reviews, and another one
// is the first. "cpu" is the processor time of the server for each review, without the client
// and with all that the server does beside; "× fixed" is the median of the ratios of Pillion's
// figure to that of fixed in the same round: 2 is twice as much, 0.5 half as much. Memory is
// resident memory as the kernel counts it, with the pages of the binary.
//
// # What the figures do not say
//
//   - Client and server share the processors. On two of them latency at c=8 is mostly waiting
//     for a processor, and p99 only a hint; cpu is the figure that lasts.
//   - Other work on the machine slows all four, but not alike: caches and the kernel's
//     scheduler favour short turns. Compare figures of one machine at rest; differences below a
//     fifth mean nothing elsewhere.
//   - A loopback has no network's delay, which all webhooks pay alike, and which makes these
//     ratios of latency smaller in a cluster.
//   - Pillion runs as it is installed: it logs a line and counts metrics for each review. The
//     baselines log nothing, and naive alone counts.
//   - The API server's own work for a webhook's answer is not in here, and is more than any
//     of these.
package bench
