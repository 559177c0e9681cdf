// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pillion-dev/pillion/internal/inject"
)

// policyFiles loads the policies as a replica does when it starts: one that runs has those
// of its start, whatever was written into the files since. It reports what is wrong.
func (l *look) policyFiles(ctx context.Context, in installed) {
	o := object{resource: "configmaps", namespace: l.to.namespace, name: PolicyConfigMap(&in.deployment.Spec.Template.Spec)}
	if o.name == "" || l.Load == nil { // the built-in policy
		return
	}
	files, err := get[corev1.ConfigMap](ctx, l.cluster, o)
	switch {
	case apierrors.IsNotFound(err):
		l.fail(fmt.Sprintf("the ConfigMap %s, in which the replicas look for their policies, does not exist: a replica that starts from now on does not serve", o.name), "make it: apply the installation again")
		return
	case err != nil:
		l.notRead(o, err)
		return
	}
	names, err := l.Load(PolicyFiles(files.Data))
	if err != nil {
		l.fail(fmt.Sprintf("the policies in the ConfigMap %s do not load: %v: a replica that starts from now on does not serve", o.name, err),
			fmt.Sprintf("put the file right; kubectl pillion policy lint finds all mistakes; then kubectl -n %s rollout restart deployment %s", l.to.namespace, in.deployment.Name))
		return
	}
	for i := range l.entriesOf {
		e := &l.entriesOf[i]
		if policy := e.policy(); e.to == l.to && policy != inject.NoPolicy && !slices.Contains(names, policy) {
			l.fail(fmt.Sprintf("there is an entry for the policy %s, and none of the files in the ConfigMap %s has it: pods that reach this entry are denied", policy, o.name),
				"add the file of the policy, or delete the entry")
			return
		}
	}
}

// PolicyFiles are the files of a ConfigMap that the webhook reads.
func PolicyFiles(data map[string]string) map[string]string {
	files := map[string]string{}
	for name, text := range data {
		if slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			files[name] = text
		}
	}
	return files
}

// PolicyConfigMap is the ConfigMap that is mounted where a container's --policy-dir is; "" if
// there is none.
func PolicyConfigMap(pod *corev1.PodSpec) string {
	for i := range pod.Containers {
		c := &pod.Containers[i]
		dir := argument(slices.Concat(c.Command, c.Args), "--policy-dir")
		for _, m := range c.VolumeMounts {
			if dir == "" || strings.TrimRight(m.MountPath, "/") != strings.TrimRight(dir, "/") {
				continue
			}
			for _, v := range pod.Volumes {
				if v.Name == m.Name && v.ConfigMap != nil {
					return v.ConfigMap.Name
				}
			}
		}
	}
	return ""
}

// HelperImage is what a container's --helper-image is; "" if there is none. As in a pod, $(NAME)
// is the value of a variable.
func HelperImage(pod *corev1.PodSpec) string {
	for i := range pod.Containers {
		c := &pod.Containers[i]
		image := argument(slices.Concat(c.Command, c.Args), "--helper-image")
		for _, e := range c.Env {
			image = strings.ReplaceAll(image, "$("+e.Name+")", e.Value)
		}
		if image != "" {
			return image
		}
	}
	return ""
}

// argument is the value of a flag, given as --flag=value or --flag value.
func argument(args []string, flag string) string {
	for i, arg := range args {
		if value, found := strings.CutPrefix(arg, flag+"="); found {
			return value
		}
		if arg == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
