// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// The reviews that are measured, in the order of the table.
const (
	small     = "small"         // testdata/pod.yaml
	large     = "20-containers" // each with 33 environment variables
	unasked   = "nothing-asked" // small without the annotations
	unchanged = "already-there" // small as it comes back for reinvocation, or as a copy

	// The same, each pod of a template of its own that differs in nothing that is decided on, as
	// versions of an app do; or in their node selector, so that each is decided on.
	smallVersions  = "small, other versions"
	largeVersions  = "20-containers, other versions"
	smallDifferent = "small, all different"
	largeDifferent = "20-containers, all different"
)

var names = []string{small, large, unasked, unchanged, smallVersions, largeVersions, smallDifferent, largeDifferent}

// What the pods ask for, and the container that they get.
const (
	asks   = "git-poller.pillion.dev/repo"
	helper = "pillion-git-poller"
)

// pods are those that nothing was added to yet.
func pods() (map[string][]byte, error) {
	text, err := os.ReadFile("testdata/pod.yaml")
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		return nil, err
	}
	all := map[string][]byte{small: encode(sized(&pod, 1, 0, 2200)), large: encode(sized(&pod, 20, 33, 5000))}
	all[smallVersions], all[largeVersions] = all[small], all[large]
	pod.Spec.NodeSelector = map[string]string{"example.com/pool": template}
	all[smallDifferent], all[largeDifferent] = encode(sized(&pod, 1, 0, 2200)), encode(sized(&pod, 20, 33, 5000))
	pod.Spec.NodeSelector, pod.Annotations = nil, map[string]string{"example.com/team": "web"}
	all[unasked] = encode(sized(&pod, 1, 0, 2200))
	return all, nil
}

// sized is a pod of many containers with many variables each, and managed fields of some
// bytes.
func sized(pod *corev1.Pod, containers, env, managedFields int) *corev1.Pod {
	pod = pod.DeepCopy()
	app := pod.Spec.Containers[0]
	for i := range env {
		app.Env = append(app.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%02d", i), Value: fmt.Sprintf("https://service-%02d.example", i)})
	}
	pod.Spec.Containers = nil
	for i := range containers {
		app.Name = fmt.Sprintf("app-%d", i)
		pod.Spec.Containers = append(pod.Spec.Containers, app)
	}
	var fields []string
	for i := 0; i*26 < managedFields; i++ {
		fields = append(fields, fmt.Sprintf(`"f:some-field-%04d":{}`, i))
	}
	pod.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:metadata":{` + strings.Join(fields, ",") + `}}`)
	return pod
}

// review is what the API server sends about the creation of a pod.
func review(pod []byte) []byte {
	kind := metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
	resource := metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
	return encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:  uid,
			Kind: kind, RequestKind: &kind, Resource: resource, RequestResource: &resource,
			Namespace: "site", Operation: admissionv1.Create, DryRun: new(false),
			UserInfo: authenticationv1.UserInfo{Username: "system:serviceaccount:kube-system:replicaset-controller", Groups: []string{"system:serviceaccounts"}},
			Object:   runtime.RawExtension{Raw: pod},
			Options:  runtime.RawExtension{Raw: []byte(`{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}`)},
		},
	})
}

// What differs in the reviews of the pods of one template, and in those of several.
const (
	uid      = "0b5ac27a-1c63-4dd2-b0b9-0c4ea5b0a6b8"
	drawn    = "kube-api-access-abcde"
	template = "7d4b9c8f5d"
)

// body is the body of a review, and where a number goes that makes it one of another pod.
type body struct {
	text []byte
	ends []int
	size int // of the number
	uid  int
}

func newBody(name string, pod []byte) *body {
	b := &body{text: review(pod), size: 5}
	b.uid = bytes.Index(b.text, []byte(uid))
	differs := drawn
	if !slices.Contains([]string{small, large, unasked, unchanged}, name) {
		differs, b.size = template, len(template)
	}
	for at := 0; ; {
		i := bytes.Index(b.text[at:], []byte(differs))
		if i < 0 {
			return b
		}
		at += i + len(differs)
		b.ends = append(b.ends, at)
	}
}

// of is the review of the pod with that number.
func (b *body) of(number int64) []byte {
	text, digits := bytes.Clone(b.text), fmt.Appendf(nil, "%012d", number)
	copy(text[b.uid+len(uid)-len(digits):], digits)
	for _, end := range b.ends {
		copy(text[end-b.size:], digits[len(digits)-b.size:])
	}
	return text
}

// patched is the pod after the reply, which must allow it.
func patched(pod, reply []byte) ([]byte, error) {
	var r admissionv1.AdmissionReview
	if err := json.Unmarshal(reply, &r); err != nil {
		return nil, fmt.Errorf("the reply is %.200q: %w", reply, err)
	}
	if r.Response == nil || !r.Response.Allowed {
		return nil, fmt.Errorf("the reply does not allow the pod: %.500s", reply)
	}
	if r.Response.Patch == nil {
		return pod, nil
	}
	patch, err := jsonpatch.DecodePatch(r.Response.Patch)
	if err != nil {
		return nil, err
	}
	return patch.Apply(pod)
}

// encode is for values that have no error in them.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
