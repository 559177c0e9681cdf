// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/version"
)

// live is what was read of a cluster. Webhooks and policies are read once for all namespaces.
type live struct {
	client   *cluster.Client
	webhooks []explain.Webhook // of Pillion; nil if they could not be read
	others   []explain.Webhook // of others
	notRead  []string
	policies *explain.Policies
	newest   explain.Newest
	seen     int // pods of which events and logs were read
}

// look connects to the cluster of the flags. at is the value of --policy.
func look(ctx context.Context, flags *cluster.Flags, at string) (*live, error) {
	client, err := flags.Connect()
	if err != nil {
		return nil, err
	}
	l := &live{client: client, newest: explain.Newest{}}
	configurations, err := client.Webhooks(ctx)
	if err != nil {
		l.notRead = append(l.notRead, "whether the webhook is there: "+err.Error())
	} else {
		l.webhooks, l.others = explain.WebhooksOf(configurations)
	}
	if at == "" {
		l.policies = clusterPolicies(ctx, client, l.webhooks)
		return l, nil
	}
	l.policies, err = policiesAt(at)
	return l, err
}

// namespace reads what is to be known of a namespace.
func (l *live) namespace(ctx context.Context, name string) *explain.Cluster {
	c := &explain.Cluster{NamespaceName: name, Webhooks: l.webhooks, Others: l.others, NotRead: slices.Clone(l.notRead)}
	var err error
	if c.Labels, err = l.client.NamespaceLabels(ctx, name); err != nil {
		c.NotRead = append(c.NotRead, "which policy the namespace picks: "+err.Error())
	}
	return c
}

// pods reads the pods of a namespace, or of all.
func (l *live) pods(ctx context.Context, namespace, selector string) ([]*explain.PodIn, error) {
	var all []*explain.PodIn
	err := l.client.Pods(ctx, namespace, selector, func(raw json.RawMessage) error {
		p, err := explain.ReadPod(raw)
		if err != nil {
			return err
		}
		l.newest.Add(p)
		all = append(all, p)
		return nil
	})
	return all, err
}

func (l *live) judge(c *explain.Cluster) *explain.Look {
	return &explain.Look{Injector: injector(), Policies: l.policies, Cluster: c, Newest: l.newest}
}

// mostSeen is of how many pods that do not run events and logs are read.
const mostSeen = 20

// judgePod tells what became of a pod. Of one that does not run, it reads the events and the
// helper's log as well, if the user may.
func (l *live) judgePod(ctx context.Context, c *explain.Cluster, p *explain.PodIn) explain.Pod {
	pod := l.judge(c).Judge(p)
	if pod.State != explain.Waiting && pod.State != explain.Failing || l.seen >= mostSeen {
		return pod
	}
	l.seen++
	p.Seen.Events, _ = l.client.Events(ctx, p.Namespace, p.Name, p.UID) // without them less is said
	p.Seen.Logs = map[string]string{}
	for _, container := range p.NotRunning() {
		text, err := l.client.LogTail(ctx, p.Namespace, p.Name, container, false)
		if err != nil || text == "" {
			text, _ = l.client.LogTail(ctx, p.Namespace, p.Name, container, true)
		}
		p.Seen.Logs[container] = text
	}
	return l.judge(c).Judge(p)
}

func injector() inject.Injector { return inject.Injector{Version: version.String()} }

// explain reports on an object of the cluster and on its pods.
func (l *live) explain(ctx context.Context, k cluster.Kind, name string) (*explain.Report, error) {
	namespace := l.client.Namespace
	raw, err := l.client.Object(ctx, k, namespace, name)
	if err != nil {
		return nil, err
	}
	var meta metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &meta); err != nil {
		return nil, fmt.Errorf("reading %s %s of namespace %s: %w", k.Name, name, namespace, err)
	}
	read := readItem(nil, raw, "", k.Name)
	objects := read.objects()
	if len(objects) == 0 {
		return nil, fmt.Errorf("reading %s %s of namespace %s: the API server answers with another kind of object", k.Name, name, namespace)
	}
	o := objects[0]
	c := l.namespace(ctx, namespace)
	c.Bounds = &explain.Bounds{}
	if c.Bounds.Ranges, c.Bounds.Quotas, err = l.client.Bounds(ctx, namespace); err != nil {
		c.NotRead = append(c.NotRead, "whether a LimitRange or a ResourceQuota denies the pod: "+err.Error())
	}
	r, err := explain.Explain(injector(), explain.Object{
		Kind: o.kind, Name: o.name, Namespace: namespace, Document: raw, At: o.at,
		// What is owned has its annotations copied from its owner, which is checked below.
		Misplaced: o.misplaced && metav1.GetControllerOf(&meta) == nil,
	}, l.policies, c)
	if err != nil {
		return nil, err
	}
	strays, _ := admission.Strays(l.policies.Known(), raw, k.Name) // it was decoded already
	for _, s := range slices.Backward(strays) {
		r.Warnings = slices.Insert(r.Warnings, 0, s.Text)
	}
	l.fromOwners(ctx, meta, r)
	pods, err := l.pods(ctx, namespace, "")
	if err != nil {
		r.Findings = append(r.Findings, explain.Finding{Code: explain.NotLookedAt, Text: "its pods: " + err.Error()})
		return r, nil
	}
	owners := l.owned(ctx, k, &meta, r)
	for _, p := range pods {
		controller := metav1.GetControllerOf(&p.Pod)
		if p.UID != meta.UID && (controller == nil || !slices.Contains(owners, controller.UID)) {
			continue
		}
		if pod := l.judgePod(ctx, c, p); pod.State != explain.None {
			r.Pods = append(r.Pods, pod)
		}
	}
	return r, nil
}

// owned are the uids of which one is the controller of a workload's pods.
func (l *live) owned(ctx context.Context, k cluster.Kind, meta *metav1.PartialObjectMetadata, r *explain.Report) []types.UID {
	uids, err := controllers(ctx, l.client, k, meta)
	if err != nil {
		r.Findings = append(r.Findings, explain.Finding{Code: explain.NotLookedAt, Text: "its pods: " + err.Error()})
	}
	return uids
}

// controllers are the uids of which one is the controller of a workload's pods.
func controllers(ctx context.Context, client *cluster.Client, k cluster.Kind, meta *metav1.PartialObjectMetadata) ([]types.UID, error) {
	between := map[string]string{"Deployment": "ReplicaSet", "CronJob": "Job"}[k.Name]
	if between == "" {
		return []types.UID{meta.UID}, nil
	}
	middle, _ := cluster.OfName(between)
	return client.Owned(ctx, middle, meta.Namespace, meta.UID)
}

// podsOf are a pod, or the pods of a workload.
func podsOf(ctx context.Context, client *cluster.Client, k cluster.Kind, name string) ([]*explain.PodIn, error) {
	raw, err := client.Object(ctx, k, client.Namespace, name)
	if err != nil {
		return nil, err
	}
	if k.Name == "Pod" {
		p, err := explain.ReadPod(raw)
		return []*explain.PodIn{p}, err
	}
	var meta metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &meta); err != nil {
		return nil, fmt.Errorf("reading %s %s of namespace %s: %w", k.Name, name, client.Namespace, err)
	}
	owners, err := controllers(ctx, client, k, &meta)
	if err != nil {
		return nil, err
	}
	var all []*explain.PodIn
	err = client.Pods(ctx, client.Namespace, "", func(raw json.RawMessage) error {
		p, err := explain.ReadPod(raw)
		if err != nil {
			return err
		}
		if owner := metav1.GetControllerOf(&p.Pod); owner != nil && slices.Contains(owners, owner.UID) {
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// fromOwners looks for annotations that are on the workload that an object comes from,
// where they have no effect. A Deployment's are copied to its ReplicaSets: the topmost
// counts.
func (l *live) fromOwners(ctx context.Context, meta metav1.PartialObjectMetadata, r *explain.Report) {
	var top *object
	for range 3 {
		owner := metav1.GetControllerOf(&meta)
		if owner == nil {
			break
		}
		k, known := cluster.OfName(owner.Kind)
		if !known {
			break
		}
		raw, err := l.client.Object(ctx, k, r.Namespace, owner.Name)
		if err != nil {
			r.Findings = append(r.Findings, explain.Finding{Code: explain.NotLookedAt, Text: "what it comes from: " + err.Error()})
			break
		}
		above := readItem(nil, raw, "", k.Name)
		if o := above.objects(); len(o) > 0 && o[0].misplaced {
			top = &o[0]
		}
		meta = metav1.PartialObjectMetadata{}
		if json.Unmarshal(raw, &meta) != nil {
			break
		}
	}
	if top != nil {
		f := explain.Misplaced(top.kind, top.at.Path().String(), r.Reason == reason.NothingRequested)
		f.Text += " (" + top.kind + "/" + top.name + ")"
		r.Findings = append(r.Findings, f)
	}
}
