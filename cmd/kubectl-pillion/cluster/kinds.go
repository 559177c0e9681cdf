// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Kind is a kind of object that is, or makes, pods.
type Kind struct {
	Name string // "Deployment"

	path, resource string
	short          []string
}

// Kinds lists them.
func Kinds() []Kind {
	return []Kind{
		{"Pod", "/api/v1", "pods", []string{"po"}},
		{"Deployment", "/apis/apps/v1", "deployments", []string{"deploy"}},
		{"StatefulSet", "/apis/apps/v1", "statefulsets", []string{"sts"}},
		{"DaemonSet", "/apis/apps/v1", "daemonsets", []string{"ds"}},
		{"ReplicaSet", "/apis/apps/v1", "replicasets", []string{"rs"}},
		{"ReplicationController", "/api/v1", "replicationcontrollers", []string{"rc"}},
		{"Job", "/apis/batch/v1", "jobs", nil},
		{"CronJob", "/apis/batch/v1", "cronjobs", []string{"cj"}},
	}
}

// Shown is the name by which people call the kind on a command line.
func (k *Kind) Shown() string {
	if k.Name != "Pod" && len(k.short) > 0 && k.Name != "CronJob" {
		return k.short[0]
	}
	return strings.ToLower(k.Name)
}

// FindKind finds a kind by any name that kubectl takes for it: deploy, deployments,
// deployment.apps.
func FindKind(text string) (Kind, error) {
	word, _, _ := strings.Cut(strings.ToLower(text), ".")
	var words, shown []string
	for _, k := range Kinds() {
		names := append([]string{strings.ToLower(k.Name), k.resource}, k.short...)
		if slices.Contains(names, word) {
			return k, nil
		}
		words = append(words, names...)
		shown = append(shown, k.Shown())
	}
	hint := ""
	if near := nearmiss.Nearest(word, words); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return Kind{}, fmt.Errorf("%q has no pods; the kinds are %s%s", text, strings.Join(shown, ", "), hint)
}

// OfName finds a kind by the name that objects have for it; ok is false if it is none
// of ours.
func OfName(name string) (k Kind, ok bool) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}
