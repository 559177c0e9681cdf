// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is wrong with the way to a cluster is said with the file, the context and the server.
func TestAClusterThatCannotBeReached(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(refusing.Close)
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	config := func(current, server string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: %q\ncontexts:\n- {name: shop, context: {cluster: shop, user: jane}}\n- {name: lost, context: {cluster: gone}}\n"+
			"clusters:\n- {name: shop, cluster: {server: %q}}\nusers:\n- {name: jane, user: {token: x}}\n", current, server)
	}
	dir := manifests(t, map[string]string{
		"none": config("", refusing.URL), "empty": "apiVersion: v1\nkind: Config\n", "wrong": "apiVersion: [v1\n",
		"shop": config("shop", refusing.URL), "away": config("shop", "http://127.0.0.1:1"), "untrusted": config("shop", untrusted.URL),
	})
	for name, c := range map[string]struct {
		args []string
		want string // %s is the directory
	}{
		"no current context":        {[]string{"--kubeconfig", dir + "/none"}, "the kubeconfig %s/none has no current context; choose one with --context: lost, shop"},
		"a context that is none":    {[]string{"--kubeconfig", dir + "/shop", "--context", "shopp"}, `the kubeconfig %s/shop has no context "shopp"; its contexts are lost, shop; did you mean "shop"?`},
		"a cluster that is none":    {[]string{"--kubeconfig", dir + "/shop", "--context", "lost"}, `the context "lost" of the kubeconfig %s/shop is for the cluster "gone", which the file does not have`},
		"a file without a cluster":  {[]string{"--kubeconfig", dir + "/empty"}, "there is no kubeconfig with a cluster at %s/empty; name one with --kubeconfig or $KUBECONFIG"},
		"a file that is no YAML":    {[]string{"--kubeconfig", dir + "/wrong"}, "reading the kubeconfig: error loading config file \"%s/wrong\": …"},
		"a server that is away":     {[]string{"--kubeconfig", dir + "/away"}, "the API server http://127.0.0.1:1 (context shop) cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused; is the cluster running, and is it the right context? See: kubectl config get-contexts"},
		"credentials that are over": {[]string{"--kubeconfig", dir + "/shop"}, "listing pods: the API server " + refusing.URL + " (context shop) does not accept the credentials of the kubeconfig, which may have expired; log in again"},
		"a certificate of others":   {[]string{"--kubeconfig", dir + "/untrusted"}, "the certificate of the API server " + untrusted.URL + " (context shop) is not trusted: x509: …"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call("", append([]string{"status"}, c.args...)...)
			want := "error: " + strings.ReplaceAll(c.want, "%s", dir) + "\n"
			got := r.errOut
			if beginning, open := strings.CutSuffix(want, "…\n"); open {
				got, want = got[:min(len(got), len(beginning))], beginning
			}
			if diff := cmp.Diff(want, got); diff != "" || r.code != exitFailed || r.out != "" {
				t.Errorf("exit code %d (-want +got):\n%s", r.code, diff)
			}
		})
	}
}
