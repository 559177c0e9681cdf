// SPDX-License-Identifier: Apache-2.0

package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the chart calls its objects.
const (
	deployment    = "pillion-webhook"
	certificate   = "pillion-webhook"
	authority     = "pillion-ca"
	leafSecret    = "pillion-webhook-tls"
	configuration = "pillion"
)

// anyDates is a policy that allows the one helper of the load.
func anyDates() map[string]any {
	return map[string]any{"helpers": map[string]any{"date-writer": map[string]any{}}}
}

// baseValues are those that every test begins with: two policies, and room for all
// replicas of a rollout on one small node. The requested cpu is a replica's part of
// processors that the control plane and the load use as well: with much less it stands still
// for seconds whenever they are busy, which on a node of its own it would not.
func baseValues() values {
	return values{
		"policies":       map[string]any{"default": anyDates(), "web": anyDates()},
		"timeoutSeconds": 10,
		"resources":      map[string]any{"requests": map[string]any{"cpu": "200m", "memory": "32Mi"}, "limits": map[string]any{"memory": "128Mi"}},
	}
}

// replica is what the tests read of a pod of the webhook.
type replica struct {
	Metadata struct {
		Name              string
		DeletionTimestamp string
	}
	Status struct {
		Phase             string
		Conditions        []struct{ Type, Status string }
		ContainerStatuses []struct{ RestartCount int }
	}
}

func (r replica) ready() bool {
	for _, c := range r.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

func (r replica) restarts() (n int) {
	for _, c := range r.Status.ContainerStatuses {
		n += c.RestartCount
	}
	return n
}

// replicas are the webhook's pods, those that are ending too.
func replicas(t *testing.T) []replica {
	t.Helper()
	var list struct{ Items []replica }
	out := mustKubectl(t, "get", "pods", "-n", namespace, "-l", "app.kubernetes.io/name=pillion-webhook", "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// awaitSettled waits until there are n replicas, all ready and none ending.
func awaitSettled(t *testing.T, n int) {
	t.Helper()
	await(t, func() error {
		all := replicas(t)
		for _, r := range all {
			if !r.ready() || r.Metadata.DeletionTimestamp != "" {
				return fmt.Errorf("%s is ending or not ready", r.Metadata.Name)
			}
		}
		if len(all) != n {
			return fmt.Errorf("there are %d replicas, want %d", len(all), n)
		}
		return nil
	})
}

// tryPod creates a pod that asks for a helper, as a dry run.
func tryPod(t *testing.T, namespace string) error {
	t.Helper()
	names, err := kubectl(t.Context(), "run", "asks", "-n", namespace, "--image=pillion.test/e2e:dev", "--dry-run=server",
		"--annotations=date-writer.pillion.dev/mount-path=/html", "-o", "jsonpath={.spec.initContainers[*].name}")
	if err == nil && !strings.Contains(names, "pillion-date-writer") {
		err = errors.New("the pod came back without its helper")
	}
	return err
}

// awaitPod waits until a pod that asks gets its helper, and returns how long that took
// from a moment on, and what was said last before.
func awaitPod(t *testing.T, namespace string, since time.Time) (took time.Duration, before error) {
	t.Helper()
	await(t, func() error {
		err := tryPod(t, namespace)
		if err != nil {
			before = err
		}
		return err
	})
	return time.Since(since).Round(100 * time.Millisecond), before
}
