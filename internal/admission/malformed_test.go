// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"net/http"
	"strings"
	"testing"
)

// What is no review that can be answered is an HTTP 4xx: then failurePolicy decides. An
// answer with allowed: false would deny the pod even under failurePolicy Ignore.
func TestMalformedReviews(t *testing.T) {
	t.Parallel()
	whole := string(reviewOf(annotatedPod))
	swap := func(old, new string) string {
		if strings.Count(whole, old) != 1 {
			t.Fatalf("%q is not once in the review", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, body := range map[string]string{
		"nothing":                           "",
		"whitespace":                        " \r\n\t",
		"null":                              "null",
		"a list":                            "[" + whole + "]",
		"a string":                          `"AdmissionReview"`,
		"an empty object":                   "{}",
		"a pod":                             annotatedPod,
		"YAML":                              "kind: AdmissionReview\napiVersion: admission.k8s.io/v1\n",
		"a byte order mark":                 "\ufeff" + whole,
		"UTF-16":                            "\xff\xfe{\x00}\x00",
		"a comment":                         "/* review */" + whole,
		"something behind the review":       whole + "x",
		"a second review":                   whole + whole,
		"a comma too many":                  swap(`"dryRun":false,`, `"dryRun":false,,`),
		"NaN":                               swap(`"dryRun":false`, `"dryRun":NaN`),
		"kind of another API":               swap(`"kind":"AdmissionReview"`, `"kind":"TokenReview"`),
		"no kind":                           swap(`"kind":"AdmissionReview",`, ``),
		"kind null":                         swap(`"kind":"AdmissionReview"`, `"kind":null`),
		"v1beta1":                           swap(`admission.k8s.io/v1"`, `admission.k8s.io/v1beta1"`),
		"a later version":                   swap(`admission.k8s.io/v1"`, `admission.k8s.io/v2"`),
		"keys in another case":              strings.NewReplacer(`"request"`, `"Request"`).Replace(whole),
		"the uid's key in another case":     swap(`"uid"`, `"UID"`),
		"request null":                      `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}`,
		"a response instead of a request":   `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"1","allowed":true}}`,
		"no uid":                            swap(`"uid":"`+testUID+`",`, ``),
		"an empty uid":                      swap(testUID, ``),
		"uid null":                          swap(`"`+testUID+`"`, `null`),
		"a number for a uid":                swap(`"`+testUID+`"`, `1`),
		"UPDATE":                            swap(`CREATE`, `UPDATE`),
		"DELETE":                            swap(`CREATE`, `DELETE`),
		"CONNECT":                           swap(`CREATE`, `CONNECT`),
		"create in lower case":              swap(`CREATE`, `create`),
		"no operation":                      swap(`"operation":"CREATE",`, ``),
		"another resource":                  swap(`"resource":{"group":"","version":"v1","resource":"pods"}`, `"resource":{"group":"apps","version":"v1","resource":"deployments"}`),
		"pods of another group":             swap(`"resource":{"group":"","version":"v1","resource":"pods"}`, `"resource":{"group":"metrics.k8s.io","version":"v1","resource":"pods"}`),
		"pods of another version":           swap(`"resource":{"group":"","version":"v1","resource":"pods"}`, `"resource":{"group":"","version":"v2","resource":"pods"}`),
		"a subresource":                     swap(`"operation"`, `"subResource":"ephemeralcontainers","operation"`),
		"no object":                         swap(`"object":`+annotatedPod+`,`, ``),
		"object null":                       swap(annotatedPod, `null`),
		"a list for an object":              swap(annotatedPod, `[]`),
		"a string for an object":            swap(annotatedPod, `"pod"`),
		"the object only as the old one":    swap(`"object":`+annotatedPod+`,"oldObject":null`, `"object":null,"oldObject":`+annotatedPod),
		"a string for dryRun":               swap(`"dryRun":false`, `"dryRun":"false"`),
		"one key twice":                     swap(`"dryRun":false`, `"dryRun":false,"dryRun":true`),
		"two uids":                          swap(`"name":"web","namespace"`, `"uid":"other","name":"web","namespace"`),
		"two requests":                      strings.TrimSuffix(whole, "}") + `,"request":{}}`,
		"invalid UTF-8":                     swap(`"image":"nginx"`, "\"image\":\"ngin\xff\""),
		"half of a surrogate pair":          swap(`"image":"nginx"`, `"image":"\ud800"`),
		"a control character":               swap(`"image":"nginx"`, "\"image\":\"\x01\""),
		"an escape that JSON does not have": swap(`"image":"nginx"`, `"image":"\x41"`),
		"lists in lists, twenty thousand":   swap(`"image":"nginx"`, `"image":`+deep),
		"objects in objects without an end": `{"request":` + strings.Repeat(`{"a":`, 50_000),
		"lists without an end":              strings.Repeat("[", 1_000_000),
	} {
		t.Run(name+" is a 4xx", func(t *testing.T) {
			t.Parallel()
			wantMalformed(t, body)
		})
	}
}

// A pod that is not one is as malformed as its envelope would be.
func TestMalformedPods(t *testing.T) {
	t.Parallel()
	for name, pod := range map[string]string{
		"a string for the metadata":              `{"metadata":"x"}`,
		"a list for the annotations":             `{"metadata":{"annotations":[]}}`,
		"a number for an annotation":             `{"metadata":{"annotations":{"git-poller.pillion.dev/depth":1}}}`,
		"a boolean for an annotation":            `{"metadata":{"annotations":{"git-poller.pillion.dev/wait":true}}}`,
		"a list for the spec":                    `{"spec":[]}`,
		"an object for the containers":           `{"spec":{"containers":{}}}`,
		"a string for a container":               `{"spec":{"containers":["web"]}}`,
		"a number for a container's name":        `{"spec":{"containers":[{"name":1}]}}`,
		"a string for a mount":                   `{"spec":{"containers":[{"volumeMounts":["html"]}]}}`,
		"a string for hostNetwork":               `{"spec":{"hostNetwork":"true"}}`,
		"a list for an emptyDir":                 `{"spec":{"volumes":[{"name":"a","emptyDir":[]}]}}`,
		"a quantity that is none":                `{"spec":{"containers":[{"resources":{"limits":{"cpu":"many"}}}]}}`,
		"an object for a quantity":               `{"spec":{"containers":[{"resources":{"limits":{"cpu":{}}}}]}}`,
		"containers as a string beside reserved": `{"spec":{"volumes":[{"name":"pillion-a"}],"initContainers":"x"}}`,
	} {
		t.Run(name+" is a 4xx", func(t *testing.T) {
			t.Parallel()
			wantMalformed(t, string(reviewOf(pod)))
		})
	}
}

func TestEveryPrefixOfAReviewIsMalformed(t *testing.T) {
	t.Parallel()
	whole := string(reviewOf(annotatedPod))
	for i := range len(whole) {
		wantMalformed(t, whole[:i])
	}
}

// The error message tells the operator what was wrong, where, and nothing of what it was.
func TestMalformedReviewsAreExplained(t *testing.T) {
	t.Parallel()
	whole := string(reviewOf(annotatedPod))
	for _, c := range []struct{ name, body, want string }{
		{"an empty body", "", "pillion: the body is empty; expected an AdmissionReview\n"},
		{
			"another version", strings.Replace(whole, "k8s.io/v1\"", "k8s.io/v1beta1\"", 1),
			"pillion: got apiVersion \"admission.k8s.io/v1beta1\", kind \"AdmissionReview\"; expected admission.k8s.io/v1, AdmissionReview\n",
		},
		{"no request", `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`, "pillion: the AdmissionReview has no request\n"},
		{"no uid", strings.Replace(whole, testUID, "", 1), "pillion: the AdmissionReview's request has no uid\n"},
		{
			"another operation", strings.Replace(whole, "CREATE", "DELETE", 1),
			"pillion: got operation \"DELETE\" on resource \"pods\" of group \"\", version \"v1\", subresource \"\"; only the creation of v1 pods is reviewed\n",
		},
		{"no object", strings.Replace(whole, annotatedPod, "null", 1), "pillion: the AdmissionReview's request has no object\n"},
	} {
		t.Run(c.name+" is explained", func(t *testing.T) {
			t.Parallel()
			w := builtinEdge().post("/inject/default", []byte(c.body))
			if w.Body.String() != c.want {
				t.Errorf("got  %q\nwant %q", w.Body, c.want)
			}
		})
	}
}

func wantMalformed(t *testing.T, body string) {
	t.Helper()
	e := builtinEdge()
	w := e.post("/inject/default", []byte(body))
	if w.Code != http.StatusBadRequest {
		t.Errorf("status %d for %.200q: %s", w.Code, body, w.Body)
	}
	if strings.Contains(w.Body.String(), "allowed") || !strings.HasPrefix(w.Body.String(), "pillion: ") {
		t.Errorf("the answer is %q", w.Body)
	}
	if len(e.observed) != 1 || e.observed[0] != (observation{"default", "Failed", "MalformedReview"}) {
		t.Errorf("observed %v", e.observed)
	}
	if strings.Contains(e.log.String(), "panic") {
		t.Errorf("a panic: %s", e.log.String())
	}
}
