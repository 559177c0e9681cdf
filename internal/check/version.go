// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"
	versioninfo "k8s.io/apimachinery/pkg/version"
)

// The oldest versions that do: matchConditions are there for good since 1.30, and a kubelet
// runs native sidecars without a feature gate since 1.29 (KEP-753).
const (
	oldestServer  = "1.30"
	oldestKubelet = "1.29"
)

// apiServer is the first call: an API server that does not answer it, or does not know who
// is asking, will answer no other.
func (l *look) apiServer(ctx context.Context) error {
	var info versioninfo.Info
	err := l.cluster.Get(ctx, "/version", &info)
	status := apierrors.APIStatus(nil)
	switch {
	case apierrors.IsForbidden(err):
		l.forbidden("get the path /version")
		return nil
	case errors.As(err, &status) && !apierrors.IsUnauthorized(err):
		l.unseen("not checked: " + err.Error())
		return nil
	case err != nil:
		return fmt.Errorf("asking the API server for its version: %w", err)
	}
	switch old, err := older(info.GitVersion, oldestServer); {
	case err != nil:
		l.skip(fmt.Sprintf("the API server says that its version is %q, which is none", info.GitVersion))
	case old:
		l.fail(fmt.Sprintf("Kubernetes %s is too old: Pillion needs %s, for match conditions (so that only pods which ask for a helper depend on it) and native sidecars", info.GitVersion, oldestServer),
			"upgrade the control plane to "+oldestServer+" or newer")
	default:
		l.ok("Kubernetes %s", info.GitVersion)
	}
	return nil
}

func older(text, than string) (bool, error) {
	v, err := version.ParseGeneric(text)
	if err != nil {
		return false, err
	}
	return v.LessThan(version.MustParseGeneric(than)), nil
}

func (l *look) nodes(ctx context.Context) error {
	all := object{resource: "nodes"}
	nodes, err := list[corev1.Node](ctx, l.cluster, all)
	if err != nil {
		l.notRead(all, err)
		return nil
	}
	var names []string
	for i := range nodes {
		if old, err := older(nodes[i].Status.NodeInfo.KubeletVersion, oldestKubelet); err == nil && old {
			names = append(names, fmt.Sprintf("%s (%s)", nodes[i].Name, nodes[i].Status.NodeInfo.KubeletVersion))
		}
	}
	if len(names) > 0 {
		l.warn("the kubelet is older than "+oldestKubelet+" on "+and(names)+": pods with a sidecar never get past it there",
			"upgrade these nodes, or keep pods with helpers away from them")
		return nil
	}
	l.ok("%s", count(len(nodes), "node", "whose kubelet is new enough"))
	return nil
}

// count is a number of things and what is to be said of them.
func count(n int, what, more string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s %s", n, what, more)
}
