// SPDX-License-Identifier: Apache-2.0

// Package admission is the edge between the API server and package inject: the HTTP
// handler, the codec of the AdmissionReview envelope, the decoding of the pod's view,
// and the JSON patch.
//
// Two rules hold here and nowhere else:
//
//   - A deliberate denial is an answer with allowed: false. An internal failure is an
//     HTTP 4xx or 5xx and never such an answer, because the API server denies the pod
//     for allowed: false even under failurePolicy Ignore.
//   - All or nothing: a patch is applied to the bytes that were received, and the
//     result decided on again, before it is sent. A patch that does not apply fails the
//     create whatever the failurePolicy (k8s.io/apiserver, mutating/dispatcher.go).
package admission
