// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// wrongConfig says what is wrong with a kubeconfig that client-go cannot use.
func (f *Flags) wrongConfig(rules *clientcmd.ClientConfigLoadingRules, err error) error {
	file := strings.Join(rules.GetLoadingPrecedence(), ", ")
	raw, loading := rules.Load()
	switch {
	case errors.Is(loading, os.ErrNotExist):
		return fmt.Errorf("the kubeconfig %s does not exist; name another with --kubeconfig or $KUBECONFIG", file)
	case loading != nil:
		return fmt.Errorf("reading the kubeconfig: %w", loading)
	}
	name := cmp.Or(f.overrides.CurrentContext, raw.CurrentContext)
	contexts := slices.Sorted(maps.Keys(raw.Contexts))
	switch of := raw.Contexts[name]; {
	case len(contexts) == 0:
		return fmt.Errorf("there is no kubeconfig with a cluster at %s; name one with --kubeconfig or $KUBECONFIG", file)
	case name == "":
		return fmt.Errorf("the kubeconfig %s has no current context; choose one with --context: %s", file, strings.Join(contexts, ", "))
	case of == nil:
		return fmt.Errorf("the kubeconfig %s has no context %q; its contexts are %s%s", file, name, strings.Join(contexts, ", "), nearmiss.DidYouMean(nearmiss.Nearest(name, contexts)))
	case raw.Clusters[of.Cluster] == nil:
		return fmt.Errorf("the context %q of the kubeconfig %s is for the cluster %q, which the file does not have", name, file, of.Cluster)
	}
	return fmt.Errorf("the context %q of the kubeconfig %s: %w", name, file, err)
}

// Unreachable is the error of an API server that gives no answer.
type Unreachable struct {
	// Server is its address and, in brackets, the context that names it.
	Server string
	Err    error
}

func (u *Unreachable) Error() string {
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(u.Err, &untrusted) {
		return fmt.Sprintf("the certificate of the API server %s is not trusted: %v; see certificate-authority-data of the cluster in the kubeconfig", u.Server, untrusted.Err)
	}
	return fmt.Sprintf("the API server %s cannot be reached: %v; is the cluster running, and is it the right context? See: kubectl config get-contexts", u.Server, u.Err)
}

func (u *Unreachable) Unwrap() error { return u.Err }

// telling says which server does not answer, or does not accept the credentials, in place of what
// has no name in it.
type telling struct {
	http.RoundTripper

	server string
}

// WrappedRoundTripper lets client-go find the transport.
func (t *telling) WrappedRoundTripper() http.RoundTripper { return t.RoundTripper }

func (t *telling) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	switch {
	case errors.Is(err, context.Canceled):
		return response, err
	case err != nil:
		return response, &Unreachable{t.server, err}
	case response.StatusCode == http.StatusUnauthorized:
		t.unauthorized(response)
	}
	return response, nil
}

// unauthorized writes the sentence that is shown into an answer.
func (t *telling) unauthorized(response *http.Response) {
	_ = response.Body.Close() // it says "Unauthorized"
	body, _ := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: http.StatusUnauthorized, Reason: metav1.StatusReasonUnauthorized,
		Message: "the API server " + t.server + " does not accept the credentials of the kubeconfig, which may have expired; log in again",
	})
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Set("Content-Type", "application/json")
	response.Header.Del("Content-Encoding")
}
