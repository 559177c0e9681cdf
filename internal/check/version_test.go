// SPDX-License-Identifier: Apache-2.0

package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheAPIServersVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answer, want string }{
		"the oldest that does":   {"{gitVersion: v1.30.0}", "ok api-server: Kubernetes v1.30.0\n"},
		"with a vendor's suffix": {"{gitVersion: v1.33.5-gke.1080000}", "ok api-server: Kubernetes v1.33.5-gke.1080000\n"},
		"too old": {"{gitVersion: v1.29.14-eks-1}", "failed api-server: Kubernetes v1.29.14-eks-1 is too old: Pillion needs 1.30, " +
			"for match conditions (so that only pods which ask for a helper depend on it) and native sidecars\n"},
		"no version":         {"{gitVersion: main}", "skipped api-server: the API server says that its version is \"main\", which is none\n"},
		"it may not be read": {"forbidden", "skipped api-server: not checked: you may not get the path /version\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(APIServer, fake{objects: map[string]string{"/version": c.answer}})
			if err := l.apiServer(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAClusterThatIsAwayEndsTheLook(t *testing.T) {
	t.Parallel()
	results, err := Run(t.Context(), fake{objects: map[string]string{"/version": "away"}}, Options{Now: now()})
	if err == nil || !strings.Contains(err.Error(), "connection refused") || results != nil {
		t.Errorf("got %v, %v", results, err)
	}
}

func TestKubeletsThatAreTooOld(t *testing.T) {
	t.Parallel()
	l := at(Nodes, fake{objects: map[string]string{"/api/v1/nodes": "[{metadata: {name: new}, status: {nodeInfo: {kubeletVersion: v1.31.0}}}, " +
		"{metadata: {name: old}, status: {nodeInfo: {kubeletVersion: v1.28.9}}}]"}})
	_ = l.nodes(t.Context())
	want := "warning nodes: the kubelet is older than 1.29 on old (v1.28.9): pods with a sidecar never get past it there\n"
	if diff := cmp.Diff(want, l.said()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
