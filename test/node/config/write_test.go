// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// written is a node whose files have been written.
func written(t *testing.T) Node {
	t.Helper()
	dir := t.TempDir()
	n := Node{
		Number: 1, ID: "pillion-node-1", Dir: dir, Binaries: "/binaries", CNI: `/opt/"cni"`,
		Snapshotter: "overlayfs", HostAPIs: []string{"127.0.0.1:34567", "127.0.0.1:34568"}, Router: "/router",
	}
	if err := n.Write(); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n Node) all() []Piece {
	return []Piece{n.Etcd(), n.Containerd(), n.APIServer(), n.ControllerManager(), n.Scheduler(), n.Proxy(), n.Kubelet()}
}

func TestTheInsideReadsWhatTheOutsideWrote(t *testing.T) {
	t.Parallel()
	n := written(t)
	got, err := Load(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(n, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryFileThatAPieceIsToldOfExists(t *testing.T) {
	t.Parallel()
	n := written(t)
	var told strings.Builder
	for _, p := range n.all() {
		told.WriteString(strings.Join(p.Args, "\n") + "\n")
	}
	for _, name := range []string{"kubelet.yaml", "kube-proxy.yaml", "containerd.toml"} {
		told.WriteString(read(t, n.path("etc", name)))
	}
	paths := regexp.MustCompile(regexp.QuoteMeta(n.Dir)+`[^\s"]*`).FindAllString(told.String(), -1)
	if len(paths) < 20 {
		t.Errorf("only %d paths are mentioned: %q", len(paths), paths)
	}
	for _, path := range paths {
		if path == n.path("etcd") { // etcd makes it
			continue
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestCertificatesAreForTheirPurpose(t *testing.T) {
	t.Parallel()
	n := written(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, n.cert("ca"))))
	for name, tt := range map[string]struct {
		usage x509.ExtKeyUsage
		hosts []string
		user  string
	}{
		"kube-apiserver": {x509.ExtKeyUsageServerAuth, []string{"127.0.0.1", KubernetesIP, n.IP(), "kubernetes.default.svc"}, "kubernetes"},
		"kubelet":        {x509.ExtKeyUsageServerAuth, []string{n.IP()}, n.Name()},
		"client-kubelet": {x509.ExtKeyUsageClientAuth, nil, "system:node:" + n.Name()},
		"client-admin":   {x509.ExtKeyUsageClientAuth, nil, "pillion-admin"},
		"kubelet-client": {x509.ExtKeyUsageClientAuth, nil, "kube-apiserver-kubelet-client"},
	} {
		pair, err := tls.LoadX509KeyPair(n.cert(name), n.key(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{tt.usage}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, host := range tt.hosts {
			if err := pair.Leaf.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := pair.Leaf.Subject.CommonName; got != tt.user {
			t.Errorf("%s: the name is %q, want %q", name, got, tt.user)
		}
	}
}

func TestKubeconfigsNeedNoOtherFile(t *testing.T) {
	t.Parallel()
	n := written(t)
	for path, server := range map[string]string{
		n.Kubeconfig():          "https://127.0.0.1:34567",
		n.All()[1].Kubeconfig(): "https://127.0.0.1:34568",
		n.InnerKubeconfig():     "https://127.0.0.1:6443",
	} {
		rc, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil {
			t.Fatal(err)
		}
		if rc.Host != server || len(rc.CAData) == 0 || len(rc.CertData) == 0 || len(rc.KeyData) == 0 {
			t.Errorf("%s: server %s with data of %d, %d and %d bytes; want %s and all the data", path, rc.Host, len(rc.CAData), len(rc.CertData), len(rc.KeyData), server)
		}
	}
}

func TestThePiecesAgree(t *testing.T) {
	t.Parallel()
	n := written(t)
	var kubelet struct{ CgroupRoot, ContainerRuntimeEndpoint, VolumePluginDir string }
	if err := yaml.Unmarshal([]byte(read(t, n.path("etc", "kubelet.yaml"))), &kubelet); err != nil {
		t.Fatal(err)
	}
	if want := "/" + n.ID; kubelet.CgroupRoot != want {
		t.Errorf("the kubelet's cgroup is %q, want %q", kubelet.CgroupRoot, want)
	}
	if want := "unix://" + ContainerdSock; kubelet.ContainerRuntimeEndpoint != want {
		t.Errorf("the kubelet looks for containerd at %q, want %q", kubelet.ContainerRuntimeEndpoint, want)
	}
	if !strings.HasPrefix(kubelet.VolumePluginDir, Hidden()[0]+"/") {
		t.Errorf("the kubelet would make %s on the machine", kubelet.VolumePluginDir)
	}

	toml := read(t, n.path("etc", "containerd.toml"))
	for _, want := range []string{
		`address = "` + ContainerdSock + `"`, `snapshotter = "overlayfs"`, `sandbox_image = "` + PauseImage + `"`,
		`bin_dir = "/opt/\"cni\""`, `conf_dir = "` + n.path("etc", "cni") + `"`,
	} {
		if !strings.Contains(toml, want+"\n") {
			t.Errorf("containerd is not told %s:\n%s", want, toml)
		}
	}

	var cni struct {
		Name    string
		Plugins []struct{ Type string }
	}
	if err := json.Unmarshal([]byte(read(t, n.path("etc", "cni", "10-pillion.conflist"))), &cni); err != nil {
		t.Fatal(err)
	}
	if len(cni.Plugins) != 2 || cni.Plugins[0].Type != "ptp" || cni.Plugins[1].Type != "portmap" {
		t.Errorf("the CNI plugins are %v, want ptp and portmap", cni.Plugins)
	}
}

func TestTheKubeletFindsItsSysctls(t *testing.T) {
	t.Parallel()
	n := written(t)
	files := n.Sysctls()
	if got := read(t, files["/proc/sys/vm/overcommit_memory"]); got != "1\n" {
		t.Errorf("vm.overcommit_memory reads %q, want 1", got)
	}
	for path, file := range files {
		if filepath.Dir(file) != n.path("etc", "sysctl") {
			t.Errorf("%s is covered by %s", path, file)
		}
		if _, err := os.Stat(path); os.IsNotExist(err) {
			t.Errorf("there is no %s to cover", path)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
