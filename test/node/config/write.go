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

// Write fills n.Dir, which exists. [Load] can read it afterwards.
func (n Node) Write() error {
	dirs := []string{n.path("bin"), n.path("etc", "cni"), n.path("etc", "sysctl"), n.path("pki"), n.Temp()}
	for _, path := range Hidden() {
		dirs = append(dirs, n.Private(path))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("the node's directories cannot be made: %w", err)
		}
	}
	err := errors.Join(n.writeSelf(), n.writeConfigs(), n.writeSysctls(), n.writeCredentials())
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
		"resolv.conf":             resolvConf,
	} {
		data, err := render()
		errs = append(errs, err, writeFile(n.path("etc", filepath.FromSlash(name)), data))
	}
	return errors.Join(errs...)
}

func writeFile(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }
