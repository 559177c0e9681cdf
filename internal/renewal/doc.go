// SPDX-License-Identifier: Apache-2.0

// Package renewal keeps the webhook's certificate, and the API servers' trust in it, in
// step where nobody else does.
//
// Each certificate is its own authority: it is self-signed, and the webhook
// configurations' caBundle holds exactly the certificates that may be served. So there is
// no key that could sign another one, neither in the cluster nor for a moment in memory;
// and each renewal is a change of trust, which takes two phases:
//
//  1. The next pair is written into the Secret under keys that no pod mounts, and its
//     certificate into every caBundle, beside those that are being served. Then all API
//     servers get the time to see it.
//  2. The pair is moved to tls.crt and tls.key, from where kubelets carry it to the pods,
//     each when it gets to it. The certificate before stays trusted until long after.
//
// # A run
//
// A run is a loop that reads everything, makes the first change that is missing, and
// starts again, until none is. All that it has to remember is in the Secret. So a run that
// dies at any moment is continued by the next one, and two runs at once do no harm:
//
//   - every write names the version that was read, and fails if there is a newer one;
//   - a configuration is read before the Secret. A process that writes a caBundle thus knows a
//     state of the Secret that is no older than what anybody knew who wrote it before: a
//     run that slept in between fails to write instead of taking trust away.
package renewal
