// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// stuckError is why a pod will not start however long somebody waits.
type stuckError struct{ sentence string }

func (e stuckError) Error() string { return e.sentence }

const loadImages = "; the nodes must have the images that `make e2e-images` writes to bin/images: load them (for kind: `kind load image-archive FILE`)"

// advice is what to do about the reasons for which a kubelet lets a container wait in vain.
func advice() map[string]string {
	return map[string]string{
		"ErrImageNeverPull":          loadImages,
		"ImagePullBackOff":           loadImages,
		"InvalidImageName":           "",
		"CreateContainerConfigError": "",
		"CreateContainerError":       "",
	}
}

// stuck returns a stuckError if one of the pods in the namespace is.
func stuck(ctx context.Context, namespace string) error {
	out, err := kubectl(ctx, "", "get", "pods", "-n", namespace, "-o", "json")
	if err != nil {
		return err
	}
	var pods corev1.PodList
	if err := json.Unmarshal([]byte(out), &pods); err != nil {
		return err
	}
	advice := advice()
	for _, pod := range pods.Items {
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if c.State.Waiting == nil || pod.DeletionTimestamp != nil {
				continue
			}
			if what, is := advice[c.State.Waiting.Reason]; is {
				return stuckError{fmt.Sprintf("the container %s of the pod %s waits in vain: %s: %s%s",
					c.Name, pod.Name, c.State.Waiting.Reason, c.State.Waiting.Message, what)}
			}
		}
	}
	return nil
}

// stuckFor is how long a pod has to be stuck to be given up. A kubelet that was only too
// late, as it is on a busy machine, tries again after some ten seconds and gets on.
const stuckFor = 30 * time.Second

// unlessStuck makes the waiting for do end when a pod of the namespace is stuck, and stays so.
func unlessStuck(ctx context.Context, namespace string, do func() error) func() error {
	looked, well := time.Now(), time.Now()
	return func() error {
		err := do()
		if err == nil || time.Since(looked) < 2*time.Second {
			return err
		}
		looked = time.Now()
		hopeless, is := errors.AsType[stuckError](stuck(ctx, namespace))
		if !is {
			well = looked
		}
		if looked.Sub(well) > stuckFor {
			return hopeless
		}
		return err
	}
}

// On a cluster of your own, the tests soon say what it lacks.
func TestWaitingInVainEndsWithASentence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ container, want string }{
		"an image that no node has": {
			container: `{name: app, image: "pillion.test/absent:dev", imagePullPolicy: Never}`,
			want:      "the container app of the pod late waits in vain: ErrImageNeverPull: Container image \"pillion.test/absent:dev\" is not present with pull policy of Never" + loadImages,
		},
		"a Secret that is not there": {
			container: `{name: app, image: "pillion.test/e2e:dev", env: [{name: KEY, valueFrom: {secretKeyRef: {name: absent, key: key}}}]}`,
			want:      `the container app of the pod late waits in vain: CreateContainerConfigError: secret "absent" not found`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			s.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {containers: [" + tt.container + "]}")
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := eventually(ctx, unlessStuck(ctx, s.namespace, func() error { return errors.New("never") }))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("waiting ended with %v, want %s", err, tt.want)
			}
		})
	}
}
