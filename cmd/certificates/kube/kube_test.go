// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/pillion-dev/pillion/internal/renewal"
)

// request is what the API server is asked.
type request struct{ Method, URL, Type, Body string }

// answering is a cluster whose API server gives one answer to everything; it returns what
// it was asked last.
func answering(t *testing.T, status int, answer any) (*Cluster, *request) {
	t.Helper()
	var got request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = request{r.Method, r.URL.String(), r.Header.Get("Content-Type"), string(body)}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	c, err := New(&rest.Config{Host: s.URL}, Objects{Namespace: "ns", Secret: "tls", Mutating: []string{"m"}, Validating: []string{"v"}})
	if err != nil {
		t.Fatal(err)
	}
	return c, &got
}

func TestAWriteNamesTheVersionAndTouchesNothingElse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(context.Context, *Cluster) error
		want request
	}{
		{
			"the Secret",
			func(ctx context.Context, c *Cluster) error {
				return c.Change(ctx, renewal.Secret{Version: "7"}, map[string][]byte{"tls.crt": []byte("a"), "next.crt": nil})
			},
			request{"PATCH", "/api/v1/namespaces/ns/secrets/tls?fieldManager=pillion-certificates", "application/merge-patch+json", `{"data":{"next.crt":null,"tls.crt":"YQ=="},"metadata":{"resourceVersion":"7"}}`},
		},
		{
			"a configuration",
			func(ctx context.Context, c *Cluster) error {
				return c.Trust(ctx, renewal.Configuration{Kind: "ValidatingWebhookConfiguration", Name: "v", Version: "8", Entries: []renewal.Entry{{Name: "x"}, {Name: "y"}}}, []byte("a"))
			},
			request{
				"PATCH", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/v?fieldManager=pillion-certificates", "application/strategic-merge-patch+json",
				`{"metadata":{"resourceVersion":"8"},"webhooks":[{"clientConfig":{"caBundle":"YQ=="},"name":"x"},{"clientConfig":{"caBundle":"YQ=="},"name":"y"}]}`,
			},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, got := answering(t, http.StatusOK, struct{}{})
			if err := tc.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnErrorSaysWhatWasDoneAndWhatWouldHelp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason metav1.StatusReason
		code   int
		is     error
		want   string
	}{
		{metav1.StatusReasonNotFound, 404, renewal.ErrMissing, "reading Secret tls: not found; apply the release, or the manifests, that it belongs to"},
		{metav1.StatusReasonConflict, 409, renewal.ErrConflict, "reading Secret tls: changed by somebody else meanwhile"},
		{metav1.StatusReasonForbidden, 403, nil, "reading Secret tls: the server's words; the Role and the ClusterRole of this ServiceAccount have to name it"},
		{metav1.StatusReasonInvalid, 422, nil, "reading Secret tls: the server's words"},
	}
	for _, tc := range tests {
		t.Run(string(tc.reason), func(t *testing.T) {
			t.Parallel()
			c, _ := answering(t, tc.code, metav1.Status{
				TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
				Reason: tc.reason, Message: "the server's words", Code: int32(tc.code),
			})
			_, err := c.Secret(t.Context())
			if fmt.Sprint(err) != tc.want {
				t.Errorf("the error is\n%v\nwant\n%s", err, tc.want)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("the error is no %q", tc.is)
			}
		})
	}
}
