// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Follower is told of pods as they come and go.
type Follower struct {
	// Listed is told all pods at once: at first, and whenever changes may have been missed.
	Listed func([]json.RawMessage) error
	// Changed is told of one pod that is new or has changed, or is gone.
	Changed func(pod json.RawMessage, gone bool) error
}

// followPause is between the end of a watch and the next, which misses nothing.
const followPause = 2 * time.Second

// FollowPods lists the pods of a namespace, or of all of them if it is "", and goes on to tell of
// changes, until ctx ends or there is an error: of a list, of a watch that is not allowed, or of
// the follower. It costs the API server one list and one watch.
func (c *Client) FollowPods(ctx context.Context, namespace, selector string, f Follower) error {
	path := []string{"/api/v1", "pods"}
	if namespace != "" {
		path = []string{"/api/v1", "namespaces", namespace, "pods"}
	}
	version := ""
	for {
		if version == "" {
			var pods []json.RawMessage
			query := url.Values{}
			if selector != "" {
				query.Set("labelSelector", selector)
			}
			at, err := c.listAt(ctx, query, func(raw json.RawMessage) error { pods = append(pods, raw); return nil }, path...)
			if err == nil {
				err = f.Listed(pods)
			}
			if err != nil {
				return fmt.Errorf("listing pods: %w", err)
			}
			version = at
		}
		next, err := c.watch(ctx, selector, version, f.Changed, path...)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsUnauthorized(err):
			return fmt.Errorf("watching pods: %w", err)
		case err != nil: // too old, or cut off: begin anew
			next = ""
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(followPause):
		}
		version = next
	}
}

// watch tells of changes since a version until the API server ends the watch, as it does every
// few minutes. It returns the version that it has come to.
func (c *Client) watch(ctx context.Context, selector, version string, changed func(json.RawMessage, bool) error, path ...string) (string, error) {
	r := c.rest.Get().AbsPath(path...).Param("watch", "true").Param("allowWatchBookmarks", "true").Param("resourceVersion", version)
	if selector != "" {
		r.Param("labelSelector", selector)
	}
	body, err := r.Stream(ctx)
	if err != nil {
		return version, err
	}
	defer body.Close() // read only
	events := json.NewDecoder(body)
	for {
		var e struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return version, nil
		} else if err != nil {
			return version, fmt.Errorf("reading the watch of pods: %w", err)
		}
		var meta metav1.PartialObjectMetadata
		if err := json.Unmarshal(e.Object, &meta); err != nil {
			return version, fmt.Errorf("reading the watch of pods: %w", err)
		}
		switch e.Type {
		case "ADDED", "MODIFIED", "DELETED":
			if err := changed(e.Object, e.Type == "DELETED"); err != nil {
				return version, err
			}
		case "BOOKMARK":
		default: // an error, mostly that the version is too old
			return version, apierrors.NewGenericServerResponse(http.StatusGone, "watch", metav1.SchemeGroupVersion.WithResource("pods").GroupResource(), "", string(e.Object), 0, false)
		}
		version = meta.ResourceVersion
	}
}

// Namespaces are the labels of all namespaces, by name; none is nil.
func (c *Client) Namespaces(ctx context.Context) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	err := c.list(ctx, nil, func(raw json.RawMessage) error {
		var o metav1.PartialObjectMetadata
		err := json.Unmarshal(raw, &o)
		if o.Labels == nil {
			o.Labels = map[string]string{}
		}
		all[o.Name] = o.Labels
		return err
	}, "/api/v1/namespaces")
	if err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	return all, nil
}
