// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// objectReview is the review of an object whose kind has no pod template, or of a Pod.
func objectReview(kind, object, old string) []byte {
	operation := "UPDATE"
	if old == "" {
		operation, old = "CREATE", "null"
	}
	return fmt.Appendf(nil, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":%q,"kind":{"group":"","version":"v1","kind":%q},`+
		`"resource":{"group":"","version":"v1","resource":%q},"name":"web","operation":%q,"object":%s,"oldObject":%s}}`,
		testUID, kind, strings.ToLower(kind)+"s", operation, object, old)
}

func keys(labels, annotations string) string {
	return fmt.Sprintf(`{"metadata":{"labels":{%s},"annotations":{%s}}}`, labels, annotations)
}

func TestKeysWhereNobodyReadsThemAreWarnedOf(t *testing.T) {
	t.Parallel()
	const inject, policyKey, repo = `"pillion.dev/inject":"true"`, `"pillion.dev/policy":"web"`, `"git-poller.pillion.dev/repo":"a"`
	for _, c := range []struct {
		name, kind, object, old string
		want                    []string
	}{
		{"the opt-in as a label of a pod", "Pod", keys(inject, ""), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in metadata.annotations"}},
		{"several labels of a pod", "Pod", keys(inject+","+repo, ""), "", []string{"pillion: the label git-poller.pillion.dev/repo and 1 more do nothing; write them as annotations, in metadata.annotations"}},
		{"the label of a namespace on a pod", "Pod", keys(policyKey, ""), "", []string{"pillion: the label pillion.dev/policy does nothing on a Pod; it belongs on the Namespace"}},
		{"annotations of a new pod are read", "Pod", keys("", repo), "", nil},
		{"annotations of a pod that runs", "Pod", keys("", repo), keys("", ""), []string{"pillion: git-poller.pillion.dev/repo does nothing in a pod that exists: annotations are read when a pod is created;", "pillion:   change its template, or recreate it"}},
		{"an annotation that changes", "Pod", keys("", repo), keys("", `"git-poller.pillion.dev/repo":"b"`), []string{"pillion: git-poller.pillion.dev/repo does nothing in a pod that exists: annotations are read when a pod is created;", "pillion:   change its template, or recreate it"}},
		{"one that stays", "Pod", keys(`"a":"b"`, repo), keys("", repo), nil},
		{"a label that stays", "Pod", keys(inject, ""), keys(inject, ""), nil},
		{"a Service", "Service", keys("", repo), "", []string{"pillion: git-poller.pillion.dev/repo does nothing on a Service; annotations of Pillion belong on the pod template of a", "pillion:   workload"}},
		{"a Service with labels and annotations", "Service", keys(inject, repo), "", []string{"pillion: git-poller.pillion.dev/repo and 1 more do nothing on a Service; annotations of Pillion belong on the pod", "pillion:   template of a workload"}},
		{"a ServiceAccount", "ServiceAccount", keys("", inject), "", []string{"pillion: pillion.dev/inject does nothing on a ServiceAccount; annotations of Pillion belong on the pod template of a", "pillion:   workload"}},
		{"a Namespace as others mark it", "Namespace", keys(`"pillion.dev/inject":"enabled"`, ""), "", []string{"pillion: the label pillion.dev/inject does nothing; did you mean pillion.dev/policy?"}},
		{"a Namespace with a helper's key", "Namespace", keys(repo, ""), "", []string{"pillion: git-poller.pillion.dev/repo does nothing on a Namespace; annotations of Pillion belong on the pod template of a", "pillion:   workload"}},
		{"a Namespace with the label that is read", "Namespace", keys(policyKey, ""), "", nil},
		{"a Namespace with that as an annotation", "Namespace", keys("", policyKey), "", []string{"pillion: the annotation pillion.dev/policy does nothing on a Namespace; write it as a label"}},
		{"a Namespace with a misspelt label", "Namespace", keys(`"pillion.dev/polcy":"web"`, ""), "", []string{"pillion: the label pillion.dev/polcy does nothing; did you mean pillion.dev/policy?"}},
		{"a key without a slash", "Service", keys("", `"git-poller.pillion.dev":"a"`), "", []string{"pillion: git-poller.pillion.dev does nothing on a Service; annotations of Pillion belong on the pod template of a", "pillion:   workload"}},
		{"keys of others", "Namespace", keys(`"mypillion.dev/inject":"true"`, `"example.com/a":"b"`), "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			w := e.post("/object", objectReview(c.kind, c.object, c.old))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			response := answer(t, w)
			if diff := cmp.Diff(c.want, response.Warnings); diff != "" || !response.Allowed {
				t.Errorf("allowed %v; warnings (-want +got):\n%s", response.Allowed, diff)
			}
			fits(t, response.Warnings)
			reason := map[bool]string{true: "WrongObject", false: "NothingRequested"}[len(c.want) > 0]
			if !slices.Equal(e.observed, []observation{{"unknown", "Skipped", reason}}) {
				t.Errorf("observed %v", e.observed)
			}
			if c.old != "" {
				return
			}
			offline, err := Misplaced(policy.Builtin().Known, []byte(c.object), c.kind)
			if diff := cmp.Diff(c.want, offline); diff != "" || err != nil {
				t.Errorf("offline: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestLabelsOfWorkloadsAreWarnedOf(t *testing.T) {
	t.Parallel()
	const optOut = `"pillion.dev/inject":"false"`
	template := func(own, labels string) string {
		return fmt.Sprintf(`{"metadata":{"labels":{%s}},"spec":{"template":{"metadata":{"labels":{%s}},"spec":%s}}}`, own, labels, noneAsked)
	}
	for _, c := range []struct {
		name, kind, object, old string
		want                    []string
	}{
		{"a label of the workload", "Deployment", template(optOut, ""), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"a label of the template", "StatefulSet", template("", optOut), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"the same label on both", "Job", template(optOut, optOut), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"a label of a CronJob's Jobs", "CronJob", `{"spec":{"jobTemplate":{"metadata":{"labels":{` + optOut + `}},"spec":{"template":{"spec":` + noneAsked + `}}}}}`, "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in", "pillion:   spec.jobTemplate.spec.template.metadata.annotations"}},
		{"a label that an update brings", "Deployment", template(optOut, ""), template("", ""), []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"one that an update leaves", "Deployment", template(optOut, ""), template(optOut, ""), nil},
		{"a ReplicationController", "ReplicationController", template(optOut, ""), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"a PodTemplate", "PodTemplate", `{"template":{"metadata":{"labels":{` + optOut + `}},"spec":` + noneAsked + `}}`, "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in template.metadata.annotations"}},
		{"a kind of others", "Rollout", template("", optOut), "", []string{"pillion: the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"}},
		{"a kind of others without pods", "Database", keys("", `"pillion.dev/inject":"true"`), "", []string{"pillion: pillion.dev/inject does nothing on a Database; annotations of Pillion belong on the pod template of a workload"}},
		{"a key without a slash", "Deployment", deploymentOf("", `"git-poller.pillion.dev":"a"`, noneAsked), "", []string{
			"pillion: policy default will deny the pods of this Deployment:",
			`pillion: git-poller.pillion.dev: names no option; write git-poller.pillion.dev/<option>, such as`,
			`pillion:   "git-poller.pillion.dev/repo"`,
		}},
		{"an opt-in that asks for nothing", "Deployment", deploymentOf("", `"pillion.dev/inject":"true"`, noneAsked), "", []string{
			`pillion: inject "true" requests nothing by itself; request a helper, such as config-reloader.pillion.dev/watch`,
		}},
		{"two templates, of which one is wrong", "JobSet", `{"spec":{"replicatedJobs":[{"template":{"spec":{"template":{"spec":` + noneAsked + `}}}},` +
			`{"template":{"spec":{"template":{"metadata":{"annotations":{"git-poller.pillion.dev/a":"b"}},"spec":` + noneAsked + `}}}}]}}`, "", []string{
			"pillion: policy default will deny the pods of this JobSet:",
			`pillion: git-poller.pillion.dev/a: git-poller has no option "a"; its options are repo, ref, mount-path, subdir,`,
			`pillion:   containers, mode, period, depth, submodules, secret, auth, ca-configmap, wait, wait-timeout, position,`,
			`pillion:   writable, metrics-port, metrics-address, notify, notify-method, notify-status and signal`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(map[string]*inject.Policy{"default": policy.Builtin()})
			w := e.post("/warn/default", reviewOfA(c.kind, c.object, c.old))
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			response := answer(t, w)
			if diff := cmp.Diff(c.want, response.Warnings); diff != "" || !response.Allowed {
				t.Errorf("allowed %v; warnings (-want +got):\n%s", response.Allowed, diff)
			}
			fits(t, response.Warnings)
		})
	}
}
