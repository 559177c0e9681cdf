// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// pollers are those of a pod that can be asked, and why others cannot.
func pollers(p *explain.PodIn) (list []poller, cannot []string) {
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		if !isPoller(c.Name) || c.RestartPolicy == nil {
			continue // or it has ended: mode once
		}
		switch {
		case slices.Equal(c.Command, []string{"/git-sync"}):
			cannot = append(cannot, c.Name+" runs git-sync, which cannot be asked")
		case !running(p.Status.InitContainerStatuses, c.Name):
			cannot = append(cannot, c.Name+" does not run")
		default:
			list = append(list, poller{p.Namespace, p.Name, c.Name, sharesProcesses(&p.Spec)})
		}
	}
	return list, cannot
}

// sharesProcesses reports whether processes of other containers can see those of a helper, which
// then hides: see hide of cmd/helper.
func sharesProcesses(spec *corev1.PodSpec) bool {
	return spec.HostPID || spec.ShareProcessNamespace != nil && *spec.ShareProcessNamespace
}

func isPoller(container string) bool {
	const name = "pillion-git-poller"
	return container == name || strings.HasPrefix(container, name+"-")
}

func running(states []corev1.ContainerStatus, name string) bool {
	return slices.ContainsFunc(states, func(s corev1.ContainerStatus) bool { return s.Name == name && s.State.Running != nil })
}

// together is how many pods are asked at a time.
const together = 8

// ask runs a verb of git-poller in the containers, some at a time, each for at most limit.
func ask(ctx context.Context, client *cluster.Client, list []poller, limit time.Duration, verb ...string) []content {
	all := make([]content, len(list))
	places := make(chan struct{}, together)
	var asked sync.WaitGroup
	for i, p := range list {
		places <- struct{}{}
		asked.Go(func() {
			defer func() { <-places }()
			all[i] = p.ask(ctx, client, limit, verb)
		})
	}
	asked.Wait()
	return all
}

func (p poller) ask(ctx context.Context, client *cluster.Client, limit time.Duration, verb []string) content {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if p.hidden {
		return p.read(ctx, client, verb[0] == "status")
	}
	a := content{Container: p.container, namespace: p.namespace, pod: p.pod}
	command := append([]string{"/pillion-helper", "git-poller"}, verb...)
	out, problems, code, err := client.Exec(ctx, p.namespace, p.pod, p.container, command...)
	var s gitstatus.Status
	switch {
	case apierrors.IsForbidden(err):
		a.Error, a.forbidden = err.Error(), true
	case ctx.Err() != nil:
		a.Error = fmt.Sprintf("no answer within %s", limit)
	case err != nil:
		a.Error = err.Error()
	case json.Unmarshal(out, &s) == nil && s.Version != "":
		a.Status = &s
	case code == exitFailed:
		a.Error = "the helper is of a version that cannot be asked; it came with the pod, so recreate the pod"
	default:
		a.Error = fmt.Sprintf("the helper ends with exit code %d: %s", code, firstLine(problems))
	}
	return a
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// shortCommit is a hash as people compare it; "-" for none.
func shortCommit(hash string) string { return dash(hash[:min(len(hash), 12)]) }

// age is how old what is published is known to be at most.
func age(s *gitstatus.Status) string {
	if a, known := s.Age(); known {
		return a.Round(time.Second).String() + " ago"
	}
	return "-"
}
