// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/linediff"
)

// live compares what pods have of Pillion with what a pod made now would have.
func (o *diffOptions) live(ctx context.Context, args []string) (string, error) {
	kind, name, err := kindAndName(args)
	if err != nil {
		return "", err
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return "", err
	}
	made, err := wouldBe(ctx, client, kind, name)
	if err != nil {
		return "", err
	}
	pods, err := podsOf(ctx, client, kind, name)
	if err != nil {
		return "", err
	}
	if len(pods) == 0 {
		return "", fmt.Errorf("%s %s of namespace %s has no pod to compare", kind.Name, name, client.Namespace)
	}
	want, err := partsOf(made)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	slices.SortFunc(pods, func(a, b *explain.PodIn) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range pods {
		has, err := partsOf(&p.Pod)
		if err != nil {
			return "", err
		}
		at := "pod/" + p.Name
		b.WriteString(linediff.Unified(at+"\t(as it is)", at+"\t(made now)", has, want, o.context))
	}
	return b.String(), nil
}

// wouldBe is a pod of an object as the cluster would make it now, with what it sets by default.
func wouldBe(ctx context.Context, client *cluster.Client, kind cluster.Kind, name string) (*corev1.Pod, error) {
	raw, err := client.Object(ctx, kind, client.Namespace, name)
	if err != nil {
		return nil, err
	}
	read := readItem(nil, raw, "", kind.Name)
	objects := read.objects()
	if len(objects) == 0 {
		return nil, fmt.Errorf("reading %s %s of namespace %s: the API server answers with another kind of object", kind.Name, name, client.Namespace)
	}
	template, err := objects[0].at.Find(raw)
	if err != nil {
		return nil, err
	}
	body, err := newPod(template, name, claims(raw))
	if err != nil {
		return nil, err
	}
	answer, _, err := client.TryJSON(ctx, client.Namespace, body)
	if denial := apierrors.APIStatus(nil); errors.As(err, &denial) && isDenial(denial) {
		return nil, fmt.Errorf("the cluster denies a pod of %s %s made now: %s", kind.Name, name, denial.Status().Message)
	}
	if err != nil {
		return nil, fmt.Errorf("trying a pod of %s %s in namespace %s: %w", kind.Name, name, client.Namespace, err)
	}
	var made corev1.Pod
	if err := json.Unmarshal(answer, &made); err != nil {
		return nil, fmt.Errorf("reading the pod that was made: %w", err)
	}
	return &made, nil
}

// parts is what Pillion has a hand in: all of what is Pillion's by its name, and of the app's
// containers the mounts of Pillion's volumes, and the command if it begins with Pillion's program.
type parts struct {
	Annotations    map[string]string `json:"annotations,omitempty"`
	InitContainers []any             `json:"initContainers,omitempty"`
	Containers     []any             `json:"containers,omitempty"`
	Volumes        []corev1.Volume   `json:"volumes,omitempty"`
}

// partsOf are those of a pod, as YAML.
func partsOf(p *corev1.Pod) (string, error) {
	var all parts
	for key, value := range p.Annotations {
		if key == inject.StatusAnnotation || inject.Asks(map[string]string{key: value}) {
			if all.Annotations == nil {
				all.Annotations = map[string]string{}
			}
			all.Annotations[key] = value
		}
	}
	all.InitContainers, all.Containers = touched(p.Spec.InitContainers), touched(p.Spec.Containers)
	for _, v := range p.Spec.Volumes {
		if pod.Reserved(v.Name) {
			all.Volumes = append(all.Volumes, v)
		}
	}
	text, err := yaml.Marshal(all)
	return string(text), err
}

// appPart is what Pillion has a hand in of a container of the app.
type appPart struct {
	Name         string               `json:"name"`
	Command      []string             `json:"command,omitempty"`
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
}

func touched(containers []corev1.Container) (all []any) {
	for i := range containers {
		c := &containers[i]
		if pod.Reserved(c.Name) {
			all = append(all, c)
			continue
		}
		part := appPart{Name: c.Name}
		for _, m := range c.VolumeMounts {
			if pod.Reserved(m.Name) {
				part.VolumeMounts = append(part.VolumeMounts, m)
			}
		}
		if len(c.Command) > 0 && strings.HasPrefix(c.Command[0], programDir) {
			part.Command = c.Command
		}
		if part.VolumeMounts != nil || part.Command != nil {
			all = append(all, part)
		}
	}
	return all
}
