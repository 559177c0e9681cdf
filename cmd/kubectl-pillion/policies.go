// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/version"
)

// policyHelp is the text of the flag --policy where a directory is good as well.
const policyHelp = "policy file to apply, or directory of them from which namespaces pick by their label"

// policiesAt reads a policy file, or a directory of them. "" is the built-in policy.
func policiesAt(at string) (*explain.Policies, error) {
	if at == "" {
		return &explain.Policies{Only: policy.Builtin(), Source: "built in", Why: "no other was named with --policy"}, nil
	}
	if info, err := os.Stat(at); err == nil && info.IsDir() {
		all, err := policy.LoadDir(at)
		return &explain.Policies{ByName: all, Source: at}, err
	}
	return policiesFrom(at)
}

// clusterPolicies reads the policies that the webhook of a cluster has, from where it
// has them. What cannot be read is assumed to be the built-in policy, and said to be.
func clusterPolicies(ctx context.Context, c *cluster.Client, webhooks []explain.Webhook) *explain.Policies {
	assumed := func(why string) *explain.Policies {
		return &explain.Policies{
			ByName: map[string]*inject.Policy{policy.DefaultName: policy.Builtin()}, Source: "built in", Assumed: true, Why: why,
		}
	}
	if webhooks != nil && len(webhooks) == 0 {
		return assumed("there is no webhook of Pillion in the cluster")
	}
	namespace := "pillion-system"
	for _, w := range webhooks {
		if namespace = w.Service; namespace == "" {
			return assumed("the webhook " + w.Name + " is called by a URL, so its files are not in the cluster")
		}
	}
	found, err := c.PolicyFiles(ctx, namespace)
	defaults := policy.Defaults{Image: found.HelperImage}
	switch {
	case err != nil:
		return assumed(err.Error())
	case found.ConfigMap == "" && sameVersion(found.Version, version.String()):
		p, err := defaults.Builtin()
		if err != nil {
			return assumed(fmt.Sprintf("--helper-image of the webhook in namespace %s: %v", namespace, err))
		}
		return &explain.Policies{ByName: map[string]*inject.Policy{policy.DefaultName: p}, Source: "built in"}
	case found.ConfigMap == "":
		return assumed(fmt.Sprintf("the webhook in namespace %s has no --policy-dir, so it has the built-in policy of its own version, %s, and this is %s",
			namespace, cmp.Or(found.Version, "which its image does not tell"), version.String()))
	}
	source := "ConfigMap " + namespace + "/" + found.ConfigMap
	var files []policy.File
	for _, name := range slices.Sorted(maps.Keys(found.Files)) {
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			continue
		}
		files = append(files, policy.File{Name: name, Data: []byte(found.Files[name])})
	}
	all, errs := defaults.Load(files)
	if len(errs) > 0 {
		return assumed(fmt.Sprintf("%s, %s", source, strings.ReplaceAll(strings.TrimPrefix(errors.Join(errs...).Error(), "policy file "), "\n", "; ")))
	}
	return &explain.Policies{ByName: all, Source: source}
}

// sameVersion compares the tag of an image with a version. A build from source is of the
// version under work, which it marks, and its image need not be.
func sameVersion(tag, version string) bool {
	return strings.TrimSuffix(tag, "-dev") == strings.TrimSuffix(version, "-dev")
}
