// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// elsewhere answers so that the API server asks again at once, on another connection,
// and so perhaps another replica: up to ten times within the webhook's timeout
// (k8s.io/client-go/rest, with_retry.go). Should all of them fail, a Status as the body
// lets the person who waits read our text; of any other body a 503 shows nothing.
func elsewhere(w http.ResponseWriter, status int, text string) {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Message: "pillion: " + text, Reason: metav1.StatusReasonServiceUnavailable, Code: int32(status),
	})
	if err != nil {
		body = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "0")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone; there is no one left to answer
}

// failure is an error with the HTTP status that it is answered with.
type failure struct {
	status int
	reason reason.Reason
	err    error
	retry  bool // another replica may do better
}

func (f *failure) Error() string { return f.err.Error() }

func malformed(status int, err error) *failure {
	return &failure{status: status, reason: reason.MalformedReview, err: err}
}

// deny makes the answer a deliberate denial. What a policy forbids is Forbidden,
// what is wrong in itself is Invalid.
func deny(response *admissionv1.AdmissionResponse, why reason.Reason, message string) {
	response.Allowed = false
	status := &metav1.Status{Status: metav1.StatusFailure, Message: message, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid}
	if why.OfPolicy() || why == reason.UnknownPolicy {
		status.Code, status.Reason = http.StatusForbidden, metav1.StatusReasonForbidden
	}
	response.Result = status
}
