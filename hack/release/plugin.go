// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// A plugin is a manifest of krew, kubectl's plugin manager
// (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest).
type plugin struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   pluginMetadata `json:"metadata"`
	Spec       pluginSpec     `json:"spec"`
}

type pluginMetadata struct {
	Name string `json:"name"`
}

type pluginSpec struct {
	Version          string           `json:"version"`
	Homepage         string           `json:"homepage"`
	ShortDescription string           `json:"shortDescription"`
	Description      string           `json:"description"`
	Platforms        []pluginPlatform `json:"platforms"`
}

type pluginPlatform struct {
	Selector pluginSelector `json:"selector"`
	URI      string         `json:"uri"`
	SHA256   string         `json:"sha256"`
	Bin      string         `json:"bin"`
}

type pluginSelector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

// makePlugin writes pillion.yaml: kubectl krew install --manifest=pillion.yaml.
func (r *release) makePlugin() error {
	p := plugin{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2",
		Kind:       "Plugin",
		Metadata:   pluginMetadata{Name: "pillion"},
		Spec: pluginSpec{
			Version:          r.version,
			Homepage:         repository,
			ShortDescription: "Explain and check helper sidecars that annotations request",
			Description: "Pillion is an admission webhook that turns pod annotations into helper sidecars.\n" +
				"This plugin shows what it adds to a pod and why, checks an installation, tests policies,\n" +
				"and asks running helpers for their state.\n",
		},
	}
	for _, system := range []string{"darwin", "linux", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			name, bin := fmt.Sprintf("kubectl-pillion_%s_%s_%s", r.version, system, arch), "kubectl-pillion"
			if system == "windows" {
				name, bin = name+".zip", bin+".exe"
			} else {
				name += ".tar.gz"
			}
			content, err := os.ReadFile(filepath.Join(r.out, name))
			if err != nil {
				return err
			}
			hash := sha256.Sum256(content)
			p.Spec.Platforms = append(p.Spec.Platforms, pluginPlatform{
				Selector: pluginSelector{MatchLabels: map[string]string{"os": system, "arch": arch}},
				URI:      repository + "/releases/download/" + r.version + "/" + name,
				SHA256:   hex.EncodeToString(hash[:]),
				Bin:      bin,
			})
		}
	}
	text, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	return r.write("pillion.yaml", text)
}
