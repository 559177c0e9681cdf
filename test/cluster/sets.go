// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// module is what go.mod calls this module.
const module = "github.com/pillion-dev/pillion/test/cluster"

// A piece is one binary: its file name and the package it is built from.
type piece struct {
	name     string
	pkg      string
	optional bool // may be missing from KUBEBUILDER_ASSETS
}

// A set is what is built from one module. That module's go.mod is the only place
// where a version is written.
type set struct {
	title     string   // for people
	dir       string   // of the module, relative to this one
	versionOf string   // the module whose version is the set's
	keyPrefix string   // of its directories in the cache
	sources   []string // patterns of files that decide what the binaries are
	pieces    []piece
	published bool // others publish archives of the control plane's binaries
	stamp     func(version string) (ldflags string, err error)
}

// findSet is the set that an argument of this program names, or none.
func findSet(name string) (set, error) {
	switch name {
	case "":
		return published(kubernetes(controlPlane())), nil
	case "apiserver":
		return published(kubernetes(apiServer())), nil
	case "node":
		return kubernetes(append(controlPlane(), node()...)), nil
	case "certmanager":
		return certManager(), nil
	case "helm/v3", "helm/v4":
		return helm(strings.TrimPrefix(name, "helm/")), nil
	case "kube-router":
		return kubeRouter(), nil
	default:
		return set{}, fmt.Errorf("the argument is %q; there are apiserver, node, certmanager, helm/v3, helm/v4 and kube-router, or none for the control plane", name)
	}
}

func kubernetes(pieces []piece) set {
	return set{
		title: "Kubernetes", dir: ".", versionOf: "k8s.io/kubernetes", stamp: stampKubernetes, pieces: pieces,
		sources: []string{"go.mod", "go.sum", "etcd/main.go", "pause/main.go"},
	}
}

func published(s set) set {
	s.published = true
	return s
}

// apiServer is what stores objects and asks webhooks, and all that an archive for envtest holds.
func apiServer() []piece {
	return []piece{
		{name: "etcd", pkg: module + "/etcd"},
		{name: "kube-apiserver", pkg: "k8s.io/kubernetes/cmd/kube-apiserver"},
		{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl"},
	}
}

// controlPlane makes pods of Deployments as well.
func controlPlane() []piece {
	return append(apiServer(), piece{name: "kube-controller-manager", pkg: "k8s.io/kubernetes/cmd/kube-controller-manager", optional: true})
}

// node is what a machine needs besides, in order to run pods.
func node() []piece {
	return []piece{
		{name: "kubelet", pkg: "k8s.io/kubernetes/cmd/kubelet"},
		{name: "kube-proxy", pkg: "k8s.io/kubernetes/cmd/kube-proxy"},
		{name: "kube-scheduler", pkg: "k8s.io/kubernetes/cmd/kube-scheduler"},
		{name: "pause", pkg: module + "/pause"},
	}
}

// stampKubernetes sets what its programs would otherwise report as v0.0.0.
func stampKubernetes(version string) (string, error) {
	major, rest, ok := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return "", fmt.Errorf("k8s.io/kubernetes is at %q in go.mod; a release such as v1.37.2 is needed", version)
	}
	const stamp = " -X k8s.io/component-base/version."
	return stamp + "gitVersion=" + version + stamp + "gitMajor=" + major + stamp + "gitMinor=" + minor, nil
}

// certManager is what cert-manager's chart runs in a program of ours, because its own
// commands lie in modules that cannot be required.
func certManager() set {
	return set{
		title: "cert-manager", dir: "../certmanager", versionOf: "github.com/cert-manager/cert-manager", keyPrefix: "certmanager-",
		sources: []string{"go.mod", "go.sum", "*.go"},
		pieces:  []piece{{name: "certmanager", pkg: "github.com/cert-manager/cert-manager/pillion"}},
		stamp:   func(string) (string, error) { return "", nil },
	}
}

// kubeRouter enforces NetworkPolicies.
func kubeRouter() set {
	const mod = "github.com/cloudnativelabs/kube-router/v2"
	return set{
		title: "kube-router", dir: "../kube-router", versionOf: mod, keyPrefix: "kube-router-",
		sources: []string{"go.mod", "go.sum"},
		pieces:  []piece{{name: "kube-router", pkg: mod + "/cmd/kube-router"}},
		stamp:   func(string) (string, error) { return "", nil },
	}
}

// helm is the one of a major version, such as "v4".
func helm(major string) set {
	mod := "helm.sh/helm/" + major
	return set{
		title: "Helm", dir: "../helm/" + major, versionOf: mod, keyPrefix: "helm-",
		sources: []string{"go.mod", "go.sum"},
		pieces:  []piece{{name: "helm", pkg: mod + "/cmd/helm"}},
		stamp: func(version string) (string, error) {
			return " -X " + mod + "/internal/version.version=" + version, nil
		},
	}
}
