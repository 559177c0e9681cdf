// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
)

// clusterPolicy is the value of --policy that names the policies of the cluster.
const clusterPolicy = "cluster"

// filePolicyHelp is the text of the flag --policy of commands that read files.
const filePolicyHelp = policyHelp + ", or cluster: those in force there (default: the built-in policy)"

// judges are the policies by which files are judged, and what is known of namespaces.
type judges struct {
	*explain.Policies
	live   *live // nil without a cluster
	labels map[string]*explain.Cluster
}

// judgesAt reads what --policy names: files, or the policies of a cluster.
func judgesAt(ctx context.Context, at string, flags *cluster.Flags) (*judges, error) {
	if at != clusterPolicy {
		policies, err := policiesAt(at)
		return &judges{Policies: policies, labels: map[string]*explain.Cluster{}}, err
	}
	l, err := look(ctx, flags, "")
	if err != nil {
		return nil, err
	}
	if l.policies.Assumed {
		return nil, fmt.Errorf("--policy cluster: the policies of the cluster are not known: %s", l.policies.Why)
	}
	return &judges{Policies: l.policies, live: l, labels: map[string]*explain.Cluster{}}, nil
}

// learn takes the labels of Namespaces that are among the documents, as a rendered chart has
// them. They count more than those of the cluster.
func (j *judges) learn(documents []*document) {
	for name, c := range namespacesIn(documents) {
		if j.live != nil {
			c.Webhooks, c.Others = j.live.webhooks, j.live.others
		}
		j.labels[name] = c
	}
}

// namespace is what is known of a namespace; nil if that is nothing.
func (j *judges) namespace(ctx context.Context, name string) (*explain.Cluster, error) {
	if c := j.labels[name]; c != nil || j.live == nil {
		return c, nil
	}
	name = cmp.Or(name, j.live.client.Namespace)
	if j.labels[name] == nil {
		c := j.live.namespace(ctx, name)
		if c.Labels == nil {
			return nil, fmt.Errorf("--policy cluster: %s", c.NotRead[len(c.NotRead)-1])
		}
		j.labels[name] = c
	}
	return j.labels[name], nil
}

// of is the policy of a namespace.
func (j *judges) of(ctx context.Context, namespace string) (*inject.Policy, error) {
	c, err := j.namespace(ctx, namespace)
	if err != nil {
		return nil, err
	}
	choice, _ := j.Choose(c)
	return choice.Policy()
}
