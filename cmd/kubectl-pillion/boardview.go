// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/dashboard"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
)

// mostShown is how many pods the page has. Those that need attention come first.
const mostShown = 500

// View judges the pods as they are now.
func (b *board) View(ctx context.Context) *dashboard.View {
	v := &dashboard.View{Cluster: b.options.clusterName(b.client), Time: time.Now().Format("15:04:05")}
	select {
	case <-b.listed:
	case <-ctx.Done():
		v.Error = "the cluster has not answered yet"
		return v
	}
	b.looking.Lock()
	defer b.looking.Unlock()
	b.refresh(ctx)
	pods, scope, notes, failed := b.snapshot()
	v.Scope, v.Notes = scope, notes
	if failed = cmp.Or(b.worldErr, failed); failed != nil {
		if v.Error = failed.Error(); b.world == nil || len(pods) == 0 {
			makePrintable(reflect.ValueOf(v))
			return v
		}
	}
	for _, p := range pods {
		b.world.newest.Add(p)
	}
	b.addPods(ctx, v, pods)
	b.addPolicies(ctx, v)
	b.addNotes(v)
	makePrintable(reflect.ValueOf(v))
	return v
}

// addPods judges each pod that has to do with helpers.
func (b *board) addPods(ctx context.Context, v *dashboard.View, pods []*explain.PodIn) {
	list, all := b.judged(ctx, pods)
	for i := range list {
		pod := &list[i].Pod
		v.Pods = append(v.Pods, dashboard.Pod{Pod: *pod, Well: pod.Good(), Age: duration.HumanDuration(time.Since(pod.Created))})
	}
	slices.SortFunc(v.Pods, func(a, c dashboard.Pod) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&c)), cmp.Compare(a.Namespace, c.Namespace), cmp.Compare(a.Name, c.Name))
	})
	for _, s := range explain.States() {
		of := func(p dashboard.Pod) bool { return p.State == s.State }
		if first := slices.IndexFunc(v.Pods, of); first >= 0 {
			n := 0
			for i := range v.Pods {
				if of(v.Pods[i]) {
					n++
				}
			}
			v.Counts = append(v.Counts, dashboard.Count{State: s.State, Good: v.Pods[first].Well, N: n})
		}
	}
	for i := range v.Pods {
		if !v.Pods[i].Well {
			v.Attention++
		}
	}
	if v.Total = len(v.Pods); v.Total > mostShown {
		v.Notes = append(v.Notes, fmt.Sprintf("%d of %d pods are shown; name one namespace with -n to see the others", mostShown, v.Total))
		v.Pods = v.Pods[:mostShown]
	}
	if b.options.content {
		b.addCommits(ctx, v, all)
	}
}

// judged are the pods that have to do with helpers, and the git-pollers in them that can be asked.
// The caller holds looking.
func (b *board) judged(ctx context.Context, pods []*explain.PodIn) (list []podStatus, all []poller) {
	for _, p := range pods {
		if !p.Concerns() && !b.world.policies.Adds() {
			continue
		}
		pod := b.judgePod(ctx, p)
		if pod.State == explain.None {
			continue
		}
		list = append(list, podStatus{Pod: pod, Node: p.Spec.NodeName})
		can, _ := pollers(p)
		all = append(all, can...)
	}
	return list, all
}

// rank puts first what needs attention, then what has drifted.
func rank(p *dashboard.Pod) int {
	switch {
	case !p.Well:
		return 0
	case p.State == explain.Drifted:
		return 1
	}
	return 2
}

// judgePod reads the events and the logs of a pod that does not run once in a world, since the
// page asks every few seconds.
func (b *board) judgePod(ctx context.Context, p *explain.PodIn) explain.Pod {
	c := b.namespaceOf(ctx, p.Namespace)
	if b.seenIn[p.UID] == p {
		return b.world.judge(c).Judge(p)
	}
	pod := b.world.judgePod(ctx, c, p)
	b.seenIn[p.UID] = p
	return pod
}

// addCommits gives the pods what their git-pollers have said so far.
func (b *board) addCommits(ctx context.Context, v *dashboard.View, all []poller) {
	answers := b.contents.of(ctx, b.client, all)
	for _, p := range all {
		a, known := answers[p]
		i := slices.IndexFunc(v.Pods, func(pod dashboard.Pod) bool { return pod.Namespace == p.namespace && pod.Name == p.pod })
		if !known || i < 0 {
			continue
		}
		c := dashboard.Commit{Helper: p.container, Commit: "-", Age: "-"}
		switch s := a.Status; s {
		case nil:
			c.Error = p.container + ": not known: " + a.Error
		default:
			c.Commit, c.Age = shortCommit(s.Commit), age(s)
			if s.Failures > 0 && s.LastError != nil {
				c.Error = fmt.Sprintf("%s: %d polls have failed, %s: %s", p.container, s.Failures, s.LastError.Reason, s.LastError.Message)
			}
		}
		v.Pods[i].Commits = append(v.Pods[i].Commits, c)
	}
	if why := b.contents.why(); why != "" {
		v.Notes = append(v.Notes, "the commits of git-pollers: "+why+"; ask for the right to create pods/exec")
	}
}

// addPolicies shows the policies, and which namespaces pick them: those with pods that are shown,
// and those with the label.
func (b *board) addPolicies(ctx context.Context, v *dashboard.View) {
	pods := map[string]int{}
	for name, labels := range b.labels {
		if _, labelled := labels[explain.PolicyLabel]; labelled && b.inScope(name) {
			pods[name] = 0
		}
	}
	for i := range v.Pods {
		pods[v.Pods[i].Namespace]++
	}
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		choice, _ := b.world.policies.Choose(b.namespaceOf(ctx, name))
		v.Namespaces = append(v.Namespaces, dashboard.Namespace{Name: name, Policy: choice.Name, Why: choice.Why, Pods: pods[name]})
	}
	list := b.world.policies.ByName
	if only := b.world.policies.Only; only != nil {
		list = map[string]*inject.Policy{only.Name: only}
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		v.Policies = append(v.Policies, policyOnBoard(list[name], b.world.policies.Source))
	}
}

func (b *board) inScope(namespace string) bool {
	b.watched.Lock()
	defer b.watched.Unlock()
	return b.namespace == "" || b.namespace == namespace
}

// policyOnBoard is a policy in the words of kubectl pillion helpers.
func policyOnBoard(p *inject.Policy, source string) dashboard.Policy {
	shown := dashboard.Policy{Name: p.Name, Hash: p.Hash, Source: source, Facts: policyRows(factsOf(p))}
	for _, h := range p.Known.All() {
		info := aboutHelper(h, p)
		if info.Allowed == nil || !*info.Allowed {
			continue
		}
		one := dashboard.Helper{Name: info.Name, Doc: info.Doc}
		for i := range info.Added {
			one.Added = append(one.Added, info.Added[i].text(p.Name))
		}
		for i := range info.Options {
			if o := &info.Options[i]; o.Rule != "" {
				one.Rules = append(one.Rules, []string{o.Name, o.Rule, dash(o.Effective)})
			}
		}
		shown.Helpers = append(shown.Helpers, one)
	}
	return shown
}

// addNotes says what could not be read.
func (b *board) addNotes(v *dashboard.View) {
	for _, text := range b.unknown() {
		if !slices.Contains(v.Notes, text) {
			v.Notes = append(v.Notes, text)
		}
	}
}

// unknown is what could not be read of policies and namespaces. The caller holds looking.
func (b *board) unknown() (notes []string) {
	if p := b.world.policies; p.Assumed {
		notes = append(notes, "the policies of the cluster: "+p.Why+"; the built-in policy stands in for them")
	}
	for _, name := range slices.Sorted(maps.Keys(b.namespaces)) {
		for _, text := range b.namespaces[name].NotRead {
			if !slices.Contains(notes, text) {
				notes = append(notes, text)
			}
		}
	}
	return notes
}
