// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// request is the view of an AdmissionRequest: what Pillion looks at and nothing else. Of
// who asks it is whether that is a kubelet, and of which node.
type request struct {
	UID         types.UID
	Kind        metav1.GroupVersionKind
	Resource    metav1.GroupVersionResource
	SubResource string
	Operation   admissionv1.Operation
	Namespace   string
	Name        string
	DryRun      bool
	Object      []byte // a part of the body, not a copy
	OldObject   []byte // likewise; null unless something is updated
	UserInfo    []byte // likewise
}

// reviewType is the one version of the envelope that is spoken: the only one that
// Kubernetes sends since 1.22.
var reviewType = metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"}

// decodeReview reads an AdmissionReview. What it may ask about is for the handler to
// say, by check: the API server sends nothing else, so anything else is malformed.
func decodeReview(body []byte, check func(*request) error) (*request, error) {
	var r request
	var apiVersion, kind string
	var asked bool
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), lax)
	err := fields(dec, map[string]func() error{
		"apiVersion": into(dec, &apiVersion),
		"kind":       into(dec, &kind),
		"request": func() error {
			asked = true
			return fields(dec, r.fields(dec))
		},
	})
	if err == nil {
		_, err = dec.ReadToken()
		if errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("something follows its end")
		}
	}
	switch {
	case len(body) == 0:
		return nil, errors.New("the body is empty; expected an AdmissionReview")
	case err != nil:
		return nil, fmt.Errorf("decoding the AdmissionReview: %w", withoutValue(err))
	case apiVersion != reviewType.APIVersion || kind != reviewType.Kind:
		return nil, fmt.Errorf("got apiVersion %q, kind %q; expected %s, %s", apiVersion, kind, reviewType.APIVersion, reviewType.Kind)
	case !asked:
		return nil, errors.New("the AdmissionReview has no request")
	case r.UID == "":
		return nil, errors.New("the AdmissionReview's request has no uid")
	}
	if err := check(&r); err != nil {
		return nil, err
	}
	if len(r.Object) == 0 || r.Object[0] != '{' {
		return nil, errors.New("the AdmissionReview's request has no object")
	}
	return &r, nil
}

// newPods is the check of reviews that ask about the creation of a pod.
func newPods(r *request) error {
	if r.Operation != admissionv1.Create || r.Resource != (metav1.GroupVersionResource{Version: "v1", Resource: "pods"}) || r.SubResource != "" {
		return r.unexpected("only the creation of v1 pods is reviewed")
	}
	return nil
}

// unexpected is the error for a review that nobody should have sent here.
func (r *request) unexpected(expected string) error {
	return fmt.Errorf("got operation %q on resource %q of group %q, version %q, subresource %q; %s",
		r.Operation, r.Resource.Resource, r.Resource.Group, r.Resource.Version, r.SubResource, expected)
}

func (r *request) fields(dec *jsontext.Decoder) map[string]func() error {
	value := func(field *[]byte) func() error {
		return func() error {
			value, err := dec.ReadValue() // inside the decoder's buffer, which is the body
			*field = value
			return err
		}
	}
	return map[string]func() error{
		"uid":         into(dec, &r.UID),
		"kind":        into(dec, &r.Kind),
		"resource":    into(dec, &r.Resource),
		"subResource": into(dec, &r.SubResource),
		"operation":   into(dec, &r.Operation),
		"namespace":   into(dec, &r.Namespace),
		"name":        into(dec, &r.Name),
		"dryRun":      into(dec, &r.DryRun),
		"object":      value(&r.Object),
		"oldObject":   value(&r.OldObject),
		"userInfo":    value(&r.UserInfo),
	}
}

func into[T any](dec *jsontext.Decoder, field *T) func() error {
	return func() error { return jsonv2.UnmarshalDecode(dec, field) }
}

// fields reads an object, member by member; those without a reader are skipped. A name
// that comes twice is refused, since two readers could take it for two different
// reviews. Inside the values that are read, and inside the pod, the last one counts:
// to find them there costs more than all the rest, and the API server never writes one.
func fields(dec *jsontext.Decoder, readers map[string]func() error) error {
	if kind := dec.PeekKind(); kind != '{' && kind != 0 { // 0: reading on says what is wrong
		return errors.New("it is not an object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	seen := make(map[string]bool, len(readers))
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		if seen[name] {
			return fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		if read := readers[name]; read == nil {
			err = dec.SkipValue()
		} else {
			err = read()
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// encodeReview writes the answer. patch and patchType are both there or neither.
func encodeReview(response *admissionv1.AdmissionResponse) ([]byte, error) {
	body, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: reviewType, Response: response})
	if err != nil {
		return nil, fmt.Errorf("writing the AdmissionReview: %w", err)
	}
	return body, nil
}
