// SPDX-License-Identifier: Apache-2.0

// Package config says what a node consists of: its files, its certificates and
// the command lines of its pieces. It starts nothing.
package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Addresses are the same on every node, because each has a network of its own.
// 198.18.0.0/15 is set aside for benchmarks (RFC 2544); the other two are what
// kubeadm's users know.
const (
	Name           = "pillion"
	IP             = "198.18.0.1"
	PodCIDR        = "10.244.0.0/16"
	ServiceCIDR    = "10.96.0.0/16"
	KubernetesIP   = "10.96.0.1" // of the Service "kubernetes": the first of ServiceCIDR
	APIServerPort  = "6443"
	etcdURL        = "http://127.0.0.1:2379"
	PauseImage     = "pillion.dev/pause:1"
	ContainerdSock = "/run/containerd/containerd.sock"
)

// A Node is what differs between two nodes. Both sides of the namespaces read it.
type Node struct {
	// ID is unique on the machine. It names the cgroup.
	ID string
	// Dir holds everything that the node writes.
	Dir string
	// Binaries is the directory that test/cluster printed. Inside the node it
	// is bound to [Node.Bin].
	Binaries string
	// CNI is the directory of the CNI plugins.
	CNI string
	// Snapshotter is the name of the one that containerd is to use.
	Snapshotter string
	// KubeletSync is how often the kubelet brings changed Secrets to pods.
	KubeletSync string
	// HostAPI is where the API server is found from outside the node, as
	// host:port.
	HostAPI string
}

// Bin is where the node finds the Kubernetes binary of that name.
func (n Node) Bin(name string) string { return n.path("bin", name) }

// Log is where the output of the piece of that name goes.
func (n Node) Log(name string) string { return n.path("log", name+".log") }

// Logs is the directory of all logs.
func (n Node) Logs() string { return n.path("log") }

// PodLogs is the directory of the pods' logs, as the machine sees it.
func (n Node) PodLogs() string { return filepath.Join(n.Private("/var/log"), "pods") }

// Kubeconfig is for clients outside the node, with the rights of an
// administrator.
func (n Node) Kubeconfig() string { return n.path("kubeconfig") }

// InnerKubeconfig is the same for clients inside the node.
func (n Node) InnerKubeconfig() string { return n.kubeconfig("admin") }

// Private is what the node sees at the given path of the machine, such as
// /var/lib, instead of what the machine has there.
func (n Node) Private(path string) string { return n.path("private", path) }

// Temp is the node's directory for temporary files.
func (n Node) Temp() string { return n.path("tmp") }

// Cgroup is the root of the node's cgroups, in every hierarchy.
func (n Node) Cgroup() string { return "/" + n.ID }

func (n Node) path(elem ...string) string {
	return filepath.Join(append([]string{n.Dir}, elem...)...)
}

func (n Node) kubeconfig(user string) string { return n.path("etc", user+".kubeconfig") }

func (n Node) cert(name string) string { return n.path("pki", name+".crt") }

func (n Node) key(name string) string { return n.path("pki", name+".key") }

// Load reads the node whose files are in dir.
func Load(dir string) (Node, error) {
	var n Node
	data, err := os.ReadFile(filepath.Join(dir, "node.json"))
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return n, fmt.Errorf("%s/node.json: %w", dir, err)
	}
	return n, nil
}
