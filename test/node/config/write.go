// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Hidden are the directories of the machine that a node has of its own, where
// kubelet and containerd write by default: see [Node.Private].
func Hidden() []string { return []string{"/var/lib", "/var/log"} }

// Write fills n.Dir, which exists, for all nodes of the cluster whose first is n.
// [Load] can read each afterwards.
func (n Node) Write() error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	for _, node := range n.All() {
		if err := node.write(ca); err != nil {
			return err
		}
	}
	return nil
}

func (n Node) write(ca *authority) error {
	dirs := []string{n.path("bin"), n.RouterDir(), n.path("etc", "cni"), n.path("etc", "sysctl"), n.path("pki"), n.Temp(), n.Logs()}
	for _, path := range Hidden() {
		dirs = append(dirs, n.Private(path))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("the node's directories cannot be made: %w", err)
		}
	}
	err := errors.Join(n.writeSelf(), n.writeConfigs(), n.writeSysctls(), n.writeCredentials(ca))
	if err != nil {
		return fmt.Errorf("the node's files cannot be written: %w", err)
	}
	return nil
}

func (n Node) writeSelf() error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return writeFile(n.path("node.json"), data)
}

func (n Node) writeConfigs() error {
	var errs []error
	for name, render := range map[string]func() ([]byte, error){
		"kubelet.yaml":            n.kubelet,
		"kube-proxy.yaml":         n.kubeProxy,
		"containerd.toml":         n.containerd,
		"cni/10-pillion.conflist": n.cni,
		"resolv.conf":             n.resolvConf,
	} {
		data, err := render()
		errs = append(errs, err, writeFile(n.path("etc", filepath.FromSlash(name)), data))
	}
	return errors.Join(errs...)
}

func writeFile(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
