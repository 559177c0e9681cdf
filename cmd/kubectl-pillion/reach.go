// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// reachInfo is how a policy has a helper reach servers.
type reachInfo struct {
	Proxy       string   `json:"proxy,omitempty"`
	NoProxy     []string `json:"noProxy,omitempty"`
	ProxySSH    bool     `json:"proxySSH,omitempty"`
	ProxySecret string   `json:"proxySecret,omitempty"`
	ExtraCAs    string   `json:"extraCAs,omitempty"` // a ConfigMap
	GitHubAPI   string   `json:"githubAPI,omitempty"`
}

// reachOf is nil if the policy says nothing of it.
func reachOf(r *rule.Reach) *reachInfo {
	if *r == (rule.Reach{}) {
		return nil
	}
	info := &reachInfo{ExtraCAs: r.ExtraCAs, GitHubAPI: r.GitHubAPI}
	if p := r.Proxy; p != nil {
		info.Proxy, info.NoProxy, info.ProxySSH, info.ProxySecret = p.URL, p.NoProxy, p.SSH, p.Secret
	}
	return info
}

// sentences say it, and what has to be in the pod's namespace for it.
func (i *reachInfo) sentences() (all []string) {
	if i.Proxy != "" {
		text := "servers are reached through the proxy " + i.Proxy
		if i.ProxySSH {
			text += ", ssh servers too"
		}
		if len(i.NoProxy) > 0 {
			text += "; without it: " + strings.Join(i.NoProxy, ", ")
		}
		if i.ProxySecret != "" {
			text += fmt.Sprintf("; its login is in the Secret %s of the pod's namespace", i.ProxySecret)
		}
		all = append(all, text)
	}
	if i.ExtraCAs != "" {
		all = append(all, fmt.Sprintf("further certificate authorities are in the ConfigMap %s of the pod's namespace, key ca.crt", i.ExtraCAs))
	}
	if i.GitHubAPI != "" {
		all = append(all, "GitHub's API is "+i.GitHubAPI)
	}
	return all
}
