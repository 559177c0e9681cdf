// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	admissionv1 "k8s.io/api/admission/v1"
)

// encodeReview appends the answer, with the bytes that encoding/json would write. That
// writes the patch twice and everything by reflection, which for an answer that admits is
// longer than making the patch. patch and patchType are both there or neither.
func encodeReview(body []byte, response *admissionv1.AdmissionResponse) ([]byte, error) {
	if response.Result != nil { // a denial, which is rare and has a message
		whole, err := marshalReview(response)
		return append(body, whole...), err
	}
	const rest = 1024 // of the envelope, the audit annotations and the warnings; it may be more
	body = slices.Grow(body, base64.StdEncoding.EncodedLen(len(response.Patch))+rest)
	body = append(body, answerHead...)
	body = appendText(body, string(response.UID))
	body = append(body, `,"allowed":`...)
	body = strconv.AppendBool(body, response.Allowed)
	if len(response.Patch) > 0 {
		body = append(body, `,"patch":"`...)
		body = base64.StdEncoding.AppendEncode(body, response.Patch)
		body = append(body, '"')
	}
	if response.PatchType != nil {
		body = appendText(append(body, `,"patchType":`...), string(*response.PatchType))
	}
	keys := make([]string, 0, len(response.AuditAnnotations))
	for key := range response.AuditAnnotations {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		body = append(body, separator(i, `,"auditAnnotations":{`)...)
		body = append(appendText(body, key), ':')
		body = appendText(body, response.AuditAnnotations[key])
	}
	if len(response.AuditAnnotations) > 0 {
		body = append(body, '}')
	}
	for i, text := range response.Warnings {
		body = append(body, separator(i, `,"warnings":[`)...)
		body = appendText(body, text)
	}
	if len(response.Warnings) > 0 {
		body = append(body, ']')
	}
	return append(body, "}}"...), nil
}

// answerHead is what stands before the uid of an answer.
const answerHead = `{"kind":"` + reviewKind + `","apiVersion":"` + reviewVersion + `","response":{"uid":`

// marshalReview is what the answer has to be.
func marshalReview(response *admissionv1.AdmissionResponse) ([]byte, error) {
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: reviewType, Response: response})
	if err != nil {
		return nil, fmt.Errorf("writing the AdmissionReview: %w", err)
	}
	return body, nil
}

// separator stands in front of the element of that index.
func separator(i int, first string) string {
	if i == 0 {
		return first
	}
	return ","
}

// appendText writes a string as encoding/json does, which escapes what HTML has a meaning for.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // a string always can be
			return append(out, quoted...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}
