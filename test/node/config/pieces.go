// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"path/filepath"
)

// A Piece is a program of the node that runs until the node ends.
type Piece struct {
	Name string
	Path string // a name without slash is looked up
	Args []string
}

// Etcd forgets everything with the node, so it need not wait for the disk.
func (n Node) Etcd() Piece {
	return n.kubernetes("etcd",
		"--data-dir="+n.path("etcd"),
		"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--unsafe-no-fsync",
	)
}

// EtcdHealth is the address at which etcd says that it is ready.
func EtcdHealth() string { return etcdURL + "/health" }

// APIServer is set up as kubeadm does it, but for the aggregation of other API
// servers.
func (n Node) APIServer() Piece {
	return n.kubernetes("kube-apiserver",
		"--advertise-address="+n.IP(),
		"--allow-privileged=true",
		"--authorization-mode=Node,RBAC",
		"--client-ca-file="+n.cert("ca"),
		"--enable-admission-plugins=NodeRestriction",
		"--etcd-servers="+etcdURL,
		"--kubelet-certificate-authority="+n.cert("ca"),
		"--kubelet-client-certificate="+n.cert("kubelet-client"), "--kubelet-client-key="+n.key("kubelet-client"),
		"--kubelet-preferred-address-types=InternalIP",
		"--secure-port="+APIServerPort,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+n.key("serviceaccounts"), "--service-account-signing-key-file="+n.key("serviceaccounts"),
		"--service-cluster-ip-range="+ServiceCIDR,
		"--tls-cert-file="+n.cert("kube-apiserver"), "--tls-private-key-file="+n.key("kube-apiserver"),
	)
}

// ControllerManager looks at the node every second, so that the taint of a new
// node goes soon. By default it waits for seconds, at its start, so as not to burden
// the API server.
func (n Node) ControllerManager() Piece {
	return n.kubernetes("kube-controller-manager",
		"--kubeconfig="+n.kubeconfig("kube-controller-manager"),
		"--cluster-signing-cert-file="+n.cert("ca"), "--cluster-signing-key-file="+n.key("ca"),
		"--flex-volume-plugin-dir="+volumePlugins,
		"--kube-api-qps=500", "--kube-api-burst=500",
		"--leader-elect=false",
		"--node-monitor-period=1s",
		"--root-ca-file="+n.cert("ca"),
		"--secure-port=0",
		"--service-account-private-key-file="+n.key("serviceaccounts"),
		"--use-service-account-credentials=true",
	)
}

// Scheduler is as by default.
func (n Node) Scheduler() Piece {
	return n.kubernetes("kube-scheduler",
		"--kubeconfig="+n.kubeconfig("kube-scheduler"),
		"--leader-elect=false",
		"--secure-port=0",
	)
}

// Kubelet runs the pods.
func (n Node) Kubelet() Piece {
	return n.kubernetes("kubelet",
		"--config="+n.path("etc", "kubelet.yaml"),
		"--hostname-override="+n.Name(),
		"--kubeconfig="+n.kubeconfig("kubelet"),
		"--node-ip="+n.IP(),
	)
}

// Proxy makes Services reachable from the node and its pods.
func (n Node) Proxy() Piece {
	return n.kubernetes("kube-proxy",
		"--config="+n.path("etc", "kube-proxy.yaml"),
		"--hostname-override="+n.Name(),
	)
}

// NetworkPolicies enforces those of the pods of the node. It asks nobody for the
// pods' addresses but the API server, and leaves Services and routes to others.
func (n Node) NetworkPolicies() Piece {
	return Piece{Name: "kube-router", Path: filepath.Join(n.RouterDir(), "kube-router"), Args: []string{
		"--kubeconfig=" + n.kubeconfig("admin"),
		"--hostname-override=" + n.Name(),
		"--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false",
		"--enable-cni=false",
		"--service-cluster-ip-range=" + ServiceCIDR,
	}}
}

// Containerd is the machine's own.
func (n Node) Containerd() Piece {
	return Piece{Name: "containerd", Path: "containerd", Args: []string{"--config=" + n.path("etc", "containerd.toml")}}
}

// ServiceAddress is reachable once kube-proxy has done its first round.
func ServiceAddress() string { return net.JoinHostPort(KubernetesIP, "443") }

func (n Node) kubernetes(name string, args ...string) Piece {
	return Piece{Name: name, Path: n.Bin(name), Args: args}
}
