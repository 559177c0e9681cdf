// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// request is the view of an AdmissionRequest: what Pillion looks at and nothing else. Of
// the caller it is whether that is a kubelet, and of which node.
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

	uidEnd, objectEnd int // where they end in the body

	memory *memory  // of the review
	pod    *pod.Pod // the view of the object, if it was read along; nil otherwise
}

// reviewType is the one version of the envelope that is spoken: the only one that
// Kubernetes sends since 1.22.
var reviewType = metav1.TypeMeta{APIVersion: reviewVersion, Kind: reviewKind}

const (
	reviewVersion = admissionv1.GroupName + "/v1"
	reviewKind    = "AdmissionReview"
)

// decodeReview reads an AdmissionReview. What it may ask about is for the handler to
// say, by check: the API server sends nothing else, so anything else is malformed.
func decodeReview(m *memory, check func(*request) error) (*request, error) {
	m.key = m.key[:0]
	return decodeInto(&request{memory: m}, m.body, check, part)
}

// decodePod is decodeReview of a pod's review, and reads the view in the same pass. It leaves the
// view's key in the memory if pods that have the same one get the same answer. A view that
// cannot be read is left to those who say what is wrong with it.
func decodePod(m *memory, check func(*request) error) (*request, error) {
	r := request{memory: m}
	m.key = m.key[:0]
	key := &m.key
	if len(m.body) > usual {
		key = nil
	}
	read := func(dec *jsonscan.Decoder, object *[]byte) (err error) {
		r.pod, *object, err = pod.Read(dec, m.body, key)
		return err
	}
	req, err := decodeInto(&r, m.body, check, read)
	if err != nil {
		return decodeReview(m, check)
	}
	if _, mirror := req.pod.Metadata.Annotations[pod.MirrorAnnotation]; mirror || !withoutDrawnName(m.key, req.pod) {
		m.key = m.key[:0]
	}
	return req, nil
}

// decodeInto is decodeReview with a way to read the object.
func decodeInto(r *request, body []byte, check func(*request) error, object func(*jsonscan.Decoder, *[]byte) error) (*request, error) {
	var apiVersion, kind string
	var asked bool
	dec := jsonscan.New(body)
	defer dec.Release()
	err := jsonscan.Members(dec, func(name []byte) error {
		switch string(name) {
		case "apiVersion":
			return jsonscan.String(dec, &apiVersion)
		case "kind":
			return jsonscan.String(dec, &kind)
		case "request":
			asked = true
			return jsonscan.Members(dec, func(name []byte) error { return r.member(dec, name, object) })
		}
		return jsonscan.Skip(dec)
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
		return nil, fmt.Errorf("decoding the AdmissionReview: %w", jsonscan.WithoutValue(err))
	case apiVersion != reviewType.APIVersion || kind != reviewType.Kind:
		return nil, fmt.Errorf("got apiVersion %q, kind %q; expected %s, %s", jsonscan.Shown(apiVersion), jsonscan.Shown(kind), reviewType.APIVersion, reviewType.Kind)
	case !asked:
		return nil, errors.New("the AdmissionReview has no request")
	case r.UID == "":
		return nil, errors.New("the AdmissionReview's request has no uid")
	case len(r.UID) > jsonscan.MaxShown: // it has to be repeated as it is
		return nil, fmt.Errorf("the AdmissionReview's request has a uid of %d bytes; at most %d are taken, and the API server sends 36", len(r.UID), jsonscan.MaxShown)
	}
	if err := check(r); err != nil {
		return nil, err
	}
	if len(r.Object) == 0 || r.Object[0] != '{' {
		return nil, errors.New("the AdmissionReview's request has no object")
	}
	return r, nil
}

// unexpected is the error for a review that should not have been sent here.
func (r *request) unexpected(expected string) error {
	return fmt.Errorf("got operation %q on resource %q of group %q, version %q, subresource %q; %s",
		jsonscan.Shown(string(r.Operation)), jsonscan.Shown(r.Resource.Resource), jsonscan.Shown(r.Resource.Group), jsonscan.Shown(r.Resource.Version), jsonscan.Shown(r.SubResource), expected)
}

// member reads one member of a request.
func (r *request) member(dec *jsonscan.Decoder, name []byte, object func(*jsonscan.Decoder, *[]byte) error) error {
	switch string(name) {
	case "uid":
		err := jsonscan.String(dec, &r.UID)
		r.uidEnd = int(dec.InputOffset())
		return err
	case "kind":
		return jsonv2.UnmarshalDecode(&dec.Decoder, &r.Kind)
	case "resource":
		return jsonv2.UnmarshalDecode(&dec.Decoder, &r.Resource)
	case "subResource":
		return jsonscan.String(dec, &r.SubResource)
	case "operation":
		return jsonscan.String(dec, &r.Operation)
	case "namespace":
		return jsonscan.String(dec, &r.Namespace)
	case "name":
		return jsonscan.String(dec, &r.Name)
	case "dryRun":
		return jsonv2.UnmarshalDecode(&dec.Decoder, &r.DryRun)
	case "object":
		err := object(dec, &r.Object)
		r.objectEnd = int(dec.InputOffset())
		return err
	case "oldObject":
		return part(dec, &r.OldObject)
	case "userInfo":
		return part(dec, &r.UserInfo)
	}
	return jsonscan.Skip(dec)
}

// part takes a value as it is written, inside the decoder's buffer, which is the body.
func part(dec *jsonscan.Decoder, field *[]byte) error {
	value, err := dec.ReadValue()
	*field = value
	return err
}
