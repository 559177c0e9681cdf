// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// clients are those that call the API server, with the names and groups to which
// its bootstrap policy gives their rights.
func (n Node) clients() map[string][]string {
	return map[string][]string{
		"admin":                   {"pillion-admin", "system:masters"},
		"kubelet":                 {"system:node:" + n.Name(), "system:nodes"},
		"kube-controller-manager": {"system:kube-controller-manager"},
		"kube-scheduler":          {"system:kube-scheduler"},
		"kube-proxy":              {"system:kube-proxy"},
	}
}

// writeCredentials writes the certificates, the key that signs tokens of
// ServiceAccounts, and the kubeconfigs. The kubelet is called by the API server
// under the name kubelet-client.
func (n Node) writeCredentials(ca *authority) error {
	errs := []error{
		ca.write(n),
		ca.server(n.cert("kube-apiserver"), n.key("kube-apiserver"), "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", n.IP(), KubernetesIP),
		ca.server(n.cert("kubelet"), n.key("kubelet"), n.Name(), n.IP()),
		ca.client(n.cert("kubelet-client"), n.key("kubelet-client"), "kube-apiserver-kubelet-client", "system:masters"),
	}
	inner := net.JoinHostPort("127.0.0.1", APIServerPort)
	for name, who := range n.clients() {
		user := "client-" + name
		errs = append(errs,
			ca.client(n.cert(user), n.key(user), who[0], who[1:]...),
			n.writeKubeconfig(n.kubeconfig(name), inner, user))
	}
	errs = append(errs, n.writeKubeconfig(n.Kubeconfig(), n.HostAPIs[n.Number-1], "client-admin"))
	return errors.Join(errs...)
}

// writeKubeconfig writes a file that can be copied: it refers to no other.
func (n Node) writeKubeconfig(path, server, user string) error {
	kubeconfig := clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{Name: {Server: "https://" + server, CertificateAuthority: n.cert("ca")}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: {ClientCertificate: n.cert(user), ClientKey: n.key(user)}},
		Contexts:       map[string]*clientcmdapi.Context{Name: {Cluster: Name, AuthInfo: user}},
		CurrentContext: Name,
	}
	if err := clientcmdapi.FlattenConfig(&kubeconfig); err != nil {
		return err
	}
	return clientcmd.WriteToFile(kubeconfig, path)
}
