// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/dashboard"
	"github.com/pillion-dev/pillion/internal/explain"
)

// board is what the dashboard shows: pods that are watched, and a world around them that is read
// again once a minute, as long as somebody looks.
type board struct {
	options   *dashboardOptions
	client    *cluster.Client
	namespace string        // "" for all
	fallback  bool          // all may become that of the context
	selector  string        // of the pods' labels; "" for all pods
	changed   chan struct{} // has an element when pods or what is known of them may have changed

	watched sync.Mutex
	pods    map[types.UID]*explain.PodIn // that have to do with Pillion, or might
	listed  chan struct{}                // closed once pods are there, or cannot be
	failed  error                        // why there are none, or none newer
	notes   []string
	// unwatched is why pods are listed again and again instead of watched; "" if they are watched.
	unwatched string

	looking    sync.Mutex // one at a time
	world      *live
	worldAt    time.Time
	worldErr   error
	namespaces map[string]*explain.Cluster
	labels     map[string]map[string]string // of all namespaces; nil if they may not be listed

	// seenIn are the pods, as they were, of which events and logs have been read in this world.
	seenIn map[types.UID]*explain.PodIn

	contents contents
}

func newBoard(o *dashboardOptions, client *cluster.Client, oneNamespace bool) *board {
	b := &board{options: o, client: client, fallback: !oneNamespace, changed: make(chan struct{}, 1), listed: make(chan struct{}), pods: map[types.UID]*explain.PodIn{}}
	if oneNamespace {
		b.namespace = client.Namespace
	}
	return b
}

// relistTime is between two lists where pods may be listed and not watched, and after a failure.
const relistTime = 30 * time.Second

// follow keeps the pods up to date until ctx ends.
func (b *board) follow(ctx context.Context) {
	for ctx.Err() == nil {
		b.watched.Lock()
		namespace := b.namespace
		b.watched.Unlock()
		err := b.client.FollowPods(ctx, namespace, b.selector, cluster.Follower{Listed: b.replace, Changed: b.change})
		if ctx.Err() != nil {
			return
		}
		if b.narrow(err) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(relistTime):
		}
	}
}

// narrow goes from all namespaces to that of the context if all may not be listed; else it notes
// what went wrong.
func (b *board) narrow(err error) bool {
	defer b.tell()
	b.watched.Lock()
	defer b.watched.Unlock()
	fresh := !b.isListed()
	if fresh && b.fallback && b.namespace == "" && apierrors.IsForbidden(err) {
		b.namespace = b.client.Namespace
		b.notes = append(b.notes, "pods of other namespaces: "+err.Error())
		return true
	}
	if !fresh && apierrors.IsForbidden(err) { // to watch, since they were listed
		b.unwatched = err.Error()
		return false
	}
	b.failed = err
	if fresh {
		close(b.listed)
	}
	return false
}

// tell lets whoever waits for a change look.
func (b *board) tell() {
	select {
	case b.changed <- struct{}{}:
	default: // it will look anyway
	}
}

func (b *board) isListed() bool {
	select {
	case <-b.listed:
		return true
	default:
		return false
	}
}

func (b *board) replace(all []json.RawMessage) error {
	pods := map[types.UID]*explain.PodIn{}
	for _, raw := range all {
		if p, err := explain.ReadPod(raw); err == nil { // what cannot be read is no pod that Pillion could judge
			pods[p.UID] = p
		}
	}
	defer b.tell()
	b.watched.Lock()
	defer b.watched.Unlock()
	b.pods, b.failed = pods, nil
	if !b.isListed() {
		close(b.listed)
	}
	return nil
}

func (b *board) change(raw json.RawMessage, gone bool) error {
	p, err := explain.ReadPod(raw)
	if err != nil {
		return nil //nolint:nilerr // as in replace
	}
	defer b.tell()
	b.watched.Lock()
	defer b.watched.Unlock()
	if delete(b.pods, p.UID); !gone {
		b.pods[p.UID] = p
	}
	return nil
}

// snapshot are the pods as they are now, and why they may be old.
func (b *board) snapshot() (pods []*explain.PodIn, scope string, notes []string, failed error) {
	b.watched.Lock()
	defer b.watched.Unlock()
	for _, p := range b.pods {
		pods = append(pods, p)
	}
	if scope = "namespace " + b.namespace; b.namespace == "" {
		scope = "all namespaces"
	}
	notes = slices.Clone(b.notes)
	if b.unwatched != "" {
		notes = append(notes, fmt.Sprintf("pods are listed every %s instead: %s", relistTime, b.unwatched))
	}
	return pods, scope, notes, b.failed
}

// refresh reads the world again if what is known of it is old. The caller holds looking.
func (b *board) refresh(ctx context.Context) {
	if time.Since(b.worldAt) < worldTime && b.world != nil {
		return
	}
	world, err := look(ctx, &b.options.cluster, b.options.policy)
	b.worldErr = err
	if err != nil {
		return
	}
	b.world, b.worldAt, b.namespaces = world, time.Now(), map[string]*explain.Cluster{}
	b.seenIn = map[types.UID]*explain.PodIn{}
	b.labels, _ = b.client.Namespaces(ctx) // without it those of the pods are read one by one
}

// namespaceOf is what is known of a namespace. The caller holds looking.
func (b *board) namespaceOf(ctx context.Context, name string) *explain.Cluster {
	c := b.namespaces[name]
	if c != nil {
		return c
	}
	if labels := b.labels[name]; labels != nil {
		c = &explain.Cluster{NamespaceName: name, Labels: labels, Webhooks: b.world.webhooks, Others: b.world.others, NotRead: slices.Clone(b.world.notRead)}
	} else {
		c = b.world.namespace(ctx, name)
	}
	b.namespaces[name] = c
	return c
}

var _ dashboard.Source = (*board)(nil)
