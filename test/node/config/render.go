// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

type object = map[string]any

// kubelet keeps what users notice, such as probes and grace periods, at its
// default. It never evicts and never removes images, however small the disk. Pods
// may set the kernel settings of their own IPC namespace, as on a node for databases.
func (n Node) kubelet() ([]byte, error) {
	return yaml.Marshal(object{
		"apiVersion":                  "kubelet.config.k8s.io/v1beta1",
		"kind":                        "KubeletConfiguration",
		"authentication":              object{"anonymous": object{"enabled": false}, "x509": object{"clientCAFile": n.cert("ca")}},
		"tlsCertFile":                 n.cert("kubelet"),
		"tlsPrivateKeyFile":           n.key("kubelet"),
		"clusterDNS":                  []string{n.IP()}, // nobody listens there: looking up a name fails at once
		"clusterDomain":               "cluster.local",
		"allowedUnsafeSysctls":        []string{"kernel.msg*", "fs.mqueue.*"},
		"cgroupDriver":                "cgroupfs",
		"cgroupRoot":                  n.Cgroup(),
		"failCgroupV1":                false,
		"failSwapOn":                  false,
		"containerRuntimeEndpoint":    "unix://" + ContainerdSock,
		"evictionHard":                object{"nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
		"imageGCHighThresholdPercent": 100,
		"oomScoreAdj":                 0, // the machine's own processes matter more
		"resolvConf":                  n.path("etc", "resolv.conf"),
		"syncFrequency":               n.KubeletSync,
		"volumePluginDir":             volumePlugins,
	})
}

// volumePlugins stands for the default, which lies under /usr.
const volumePlugins = "/var/lib/kubelet/volume-plugins"

// resolvConf stands for the machine's, whose servers are out of reach. Nobody
// listens at this address, so looking up a name fails at once.
func (n Node) resolvConf() ([]byte, error) { return []byte("nameserver " + n.IP() + "\n"), nil }

// kubeProxy leaves conntrack alone, which is not the node's to set.
func (n Node) kubeProxy() ([]byte, error) {
	return yaml.Marshal(object{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             "iptables",
		"clusterCIDR":      PodCIDR,
		"clientConnection": object{"kubeconfig": n.kubeconfig("kube-proxy")},
		"conntrack":        object{"maxPerCore": 0, "min": 0},
		"oomScoreAdj":      0,
	})
}

// cni connects each pod to the node by a link of its own. The node routes
// between pods and to Services, and has no route to anywhere but the other node.
func (n Node) cni() ([]byte, error) {
	return json.MarshalIndent(object{
		"cniVersion": "0.4.0",
		"name":       "pillion",
		"plugins": []object{
			{"type": "ptp", "ipam": object{
				"type":   "host-local",
				"ranges": [][]object{{{"subnet": n.PodCIDR()}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			}},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
}

// containerd is configured in version 2 of its format, which containerd 2 reads
// too. Of its plugins, opt would write to /opt and nri runs programs of the
// machine. AppArmor profiles would stay in the kernel. Where root lacks
// CAP_SYS_RESOURCE, no container starts without restrict_oom_score_adj.
func (n Node) containerd() ([]byte, error) {
	return fmt.Appendf(nil, `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  disable_apparmor = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
`, ContainerdSock, PauseImage, n.Snapshotter, n.CNI, n.path("etc", "cni")), nil
}
