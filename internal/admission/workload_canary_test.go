// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// A warning is read by the author of the workload, and logged by everyone who runs kubectl in
// a pipeline. It repeats what the author gave for an option, and no more of the workload.
func TestNothingOfAWorkloadLeaks(t *testing.T) {
	t.Parallel()
	const (
		container = ".spec.template.spec.containers[0].name"
		given     = "the annotation"
	)
	for name, c := range map[string]struct {
		template, own func(word func(string) string) map[string]string
		allowed       []string // canaries that the warnings may repeat
	}{
		"a workload whose pods are injected": {
			template: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/repo": "https://git.example/" + word("a right value"), "git-poller.pillion.dev/mount-path": "/html"}
			},
			allowed: []string{container},
		},
		"a wrong value": {
			template: func(word func(string) string) map[string]string {
				return map[string]string{"date-writer.pillion.dev/mount-path": "/html", "date-writer.pillion.dev/interval": word(given)}
			},
			allowed: []string{given},
		},
		"a user and a password": {
			template: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/mount-path": "/html", "git-poller.pillion.dev/repo": "https://" + word("user") + ":" + word("password") + "@git.example/site"}
			},
		},
		"the wrong place": {
			own: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/repo": "https://" + word("token") + "@git.example/site"}
			},
		},
		"the wrong domain": {
			own: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pilion.dev/repo": "https://" + word("token") + "@git.example/site"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, words := builtinEdge(), newCanaries()
			var d appsv1.Deployment
			words.fill(reflect.ValueOf(&d).Elem(), "")
			if c.template != nil {
				maps.Copy(d.Spec.Template.Annotations, c.template(words.word))
			}
			if c.own != nil {
				maps.Copy(d.Annotations, c.own(words.word))
			}
			d.Spec.Template.Spec.HostNetwork = false
			raw, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			w := e.post("/warn/default", reviewOfA("Deployment", string(raw), ""))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %.500s", w.Code, w.Body)
			}
			response := answer(t, w)
			if len(response.Warnings) == 0 {
				t.Error("nothing is said")
			}
			words.want(t, "a warning", fmt.Sprint(response.Warnings), c.allowed...)
			words.want(t, "an audit annotation", fmt.Sprint(response.AuditAnnotations))
			words.want(t, "the log", e.log.String())
		})
	}
}
