// SPDX-License-Identifier: Apache-2.0

// Package config says what a node consists of: its files, its certificates and
// the command lines of its pieces. It starts nothing.
package config

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Addresses are the same in every cluster, because each has a network of its own.
// 198.18.0.0/15 is set aside for benchmarks (RFC 2544); the other two are what
// kubeadm's users know.
const (
	Name           = "pillion" // of the cluster, and of its first node
	PodCIDR        = "10.244.0.0/16"
	ServiceCIDR    = "10.96.0.0/16"
	KubernetesIP   = "10.96.0.1" // of the Service "kubernetes": the first of ServiceCIDR
	APIServerPort  = "6443"
	etcdURL        = "http://198.18.0.1:2379"
	PauseImage     = "pillion.dev/pause:1"
	ContainerdSock = "/run/containerd/containerd.sock"
)

// A Node is what differs between two nodes. Both sides of the namespaces read it.
// The first node of a cluster has etcd and the controllers; a second has an API
// server, and runs pods.
type Node struct {
	// Number is 1 for the first node of a cluster, and 2 for the second.
	Number int
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
	// Router is the directory of kube-router, which enforces NetworkPolicies.
	// Inside the node it is bound to [Node.RouterDir]. Without it, nobody does.
	Router string
	// HostAPIs is where the API server of each node of the cluster is found from
	// outside, as host:port.
	HostAPIs []string
}

// All are the nodes of the cluster whose first node is n. The files of the second
// are below those of the first, so that whatever removes the first removes both.
func (n Node) All() []Node {
	if len(n.HostAPIs) < 2 {
		return []Node{n}
	}
	second := n
	second.Number, second.ID, second.Dir = 2, n.ID+"/2", n.path("2")
	second.Binaries = n.Bin("")
	if n.Router != "" {
		second.Router = n.RouterDir()
	}
	return []Node{n, second}
}

// Others are the nodes of the cluster but n. Only their names and addresses are of use,
// because their directories are named as the first node sees them.
func (n Node) Others() (others []Node) {
	for number := range len(n.HostAPIs) {
		if number+1 != n.Number {
			others = append(others, Node{Number: number + 1})
		}
	}
	return others
}

// Name is that of the Node object.
func (n Node) Name() string {
	if n.Number > 1 {
		return fmt.Sprintf("%s-%d", Name, n.Number)
	}
	return Name
}

// IP is the node's address.
func (n Node) IP() string { return fmt.Sprintf("198.18.0.%d", n.Number) }

// MAC is the node's address on the link between nodes.
func (n Node) MAC() string { return fmt.Sprintf("02:00:c6:12:00:%02x", n.Number) }

// Cable is the end, at the first node, of the link to n.
func (n Node) Cable() string { return "to-" + n.Name() }

// PodCIDR has the addresses of the node's pods.
func (n Node) PodCIDR() string { return fmt.Sprintf("10.244.%d.0/24", n.Number-1) }

// APIServerAddress is where the node's API server listens.
func (n Node) APIServerAddress() string { return net.JoinHostPort(n.IP(), APIServerPort) }

// RouterDir is where the node finds kube-router.
func (n Node) RouterDir() string { return n.path("router") }

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

// Kubeconfigs are those of all API servers of the cluster.
func (n Node) Kubeconfigs() (all []string) {
	for _, node := range n.All() {
		all = append(all, node.Kubeconfig())
	}
	return all
}

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
