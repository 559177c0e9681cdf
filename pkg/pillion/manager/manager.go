// SPDX-License-Identifier: Apache-2.0

// Package manager mounts Pillion in the webhook server of a controller-runtime manager, which
// brings the port and the certificate.
//
// [Register] is the way to do it. [Handler] exists for programs that compose admission
// handlers of controller-runtime, and has a price that its documentation names.
//
// Importing this package links controller-runtime and client-go; the package
// [github.com/pillion-dev/pillion/pkg/pillion] links neither.
package manager

import (
	"context"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

// Register mounts [pillion.HandlerWith] in the webhook server of a manager, at /inject/, /warn/,
// /namespace and /object. The manager's server adds its own metrics, by these paths. It panics if a
// path is taken or two policies have the same name. Without policies it serves the built-in
// one.
//
//	manager.Register(mgr.GetWebhookServer(), pillion.Options{}, policies...)
//
// Failures stay HTTP statuses, so failurePolicy decides about them. The manager's server
// drains as [http.Server.Shutdown] does: during a rollout a few calls can meet a closed
// connection, which Pillion's own server avoids.
func Register(server webhook.Server, o pillion.Options, policies ...*pillion.Policy) {
	handler := pillion.HandlerWith(o, policies...)
	for _, path := range []string{"/inject/", "/warn/", "/namespace", "/object"} {
		server.Register(path, handler)
	}
}

// Handler reviews new pods under one policy as an [admission.Handler], for a
// [webhook.Admission] or [admission.MultiMutatingHandler]. It answers with the same patch,
// warnings and denials as [Register]; the patch is in Response.Patches.
//
// The price: controller-runtime answers errors and panics with allowed: false. The API server
// then prevents the pod whatever the webhook's failurePolicy, so a fault in Pillion, or a body
// that controller-runtime cannot read, denies pods even under failurePolicy: Ignore. Only
// [Register] and [pillion.Handler] answer with an HTTP status instead, which lets failurePolicy
// decide. Neither does this way bound what all request bodies together hold in memory.
func Handler(o pillion.Options, policy *pillion.Policy) admission.Handler {
	reviewer := pillion.NewReviewer(o, policy)
	return admission.HandlerFunc(func(ctx context.Context, request admission.Request) admission.Response {
		response, patch, err := reviewer.Review(ctx, &request.AdmissionRequest)
		if err != nil {
			return admission.Errored(http.StatusInternalServerError, err)
		}
		// controller-runtime writes patch and patchType from the operations.
		response.Patch, response.PatchType = nil, nil
		return admission.Response{Patches: patch, AdmissionResponse: *response}
	})
}
