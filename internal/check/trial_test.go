// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
)

// injected is what a webhook makes of a pod, or a part of it.
func injected(p *corev1.Pod, container string, sidecar bool) *corev1.Pod {
	p.Annotations["pillion.dev/status"] = "{}"
	c := corev1.Container{Name: container}
	if sidecar {
		c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	}
	p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	return p
}

func TestAPolicyForEveryPodNeedsAnEntryForEveryPod(t *testing.T) {
	t.Parallel()
	const (
		gets    = "ok pods: policy default: a pod in the namespace shop gets its date-writer\n"
		unheard = "failed pods: policy default adds a git-poller to every pod, but the condition of the entry inject.pillion.dev leaves out pods that request no helper\n"
		asks    = "has(object.metadata.annotations)"
	)
	for name, c := range map[string]struct{ reason, condition, want string }{
		"required, and pods are left out":           {"Required", asks, gets + unheard},
		"added by default, and pods are left out":   {"ByDefault", asks, gets + unheard},
		"required, and no condition":                {"Required", "", gets},
		"required, and a condition of another kind": {"Required", "request.userInfo.username != 'x'", gets},
		"asked for by the pod itself":               {"Requested", asks, gets},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Pods, fake{objects: map[string]string{"/api/v1/namespaces": "[{metadata: {name: shop}}]"}, try: func(p *corev1.Pod) (*corev1.Pod, error) {
				p = injected(p, "pillion-date-writer", true)
				p.Annotations["pillion.dev/status"] = `{"helpers":[{"helper":"git-poller","reason":"` + c.reason + `"}]}`
				return p, nil
			}})
			l.entriesOf[0].Name = "inject.pillion.dev"
			if c.condition != "" {
				l.entriesOf[0].MatchConditions = []admissionregistrationv1.MatchCondition{{Name: "a", Expression: c.condition}}
			}
			if err := l.pods(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTrial(t *testing.T) {
	t.Parallel()
	const (
		denial = `admission webhook "inject.pillion.dev" denied the request: policy "default" does not allow it`
		where  = "policy default: a pod in the namespace shop "
	)
	dates := func(p *corev1.Pod) bool { _, asks := p.Annotations["date-writer.pillion.dev/mount-path"]; return asks }
	for name, c := range map[string]struct {
		try  func(*corev1.Pod) (*corev1.Pod, error)
		want string
	}{
		"it gets its helper": {
			func(p *corev1.Pod) (*corev1.Pod, error) { return injected(p, "pillion-date-writer", true), nil },
			"ok pods: " + where + "gets its date-writer\n",
		},
		"a policy that allows another helper": {
			func(p *corev1.Pod) (*corev1.Pod, error) {
				if dates(p) {
					return nil, denied(denial)
				}
				return injected(p, "pillion-git-poller", true), nil
			},
			"ok pods: " + where + "gets its git-poller\n",
		},
		"a policy that allows neither": {
			func(*corev1.Pod) (*corev1.Pod, error) { return nil, denied(denial) },
			"ok pods: policy default: the webhook answers in the namespace shop; the policy allows no date-writer and no git-poller that could be tried\n",
		},
		"nothing was added": {
			func(p *corev1.Pod) (*corev1.Pod, error) { return p, nil },
			"failed pods: " + where + "that asks for a date-writer starts without it: the webhook was not called, or failed under failurePolicy Ignore\n",
		},
		"the container was taken away": {
			func(p *corev1.Pod) (*corev1.Pod, error) { return injected(p, "other", true), nil },
			"failed pods: " + where + "loses the container pillion-date-writer that Pillion added\n",
		},
		"its restartPolicy was": {
			func(p *corev1.Pod) (*corev1.Pod, error) { return injected(p, "pillion-date-writer", false), nil },
			"failed pods: " + where + "loses the restartPolicy of pillion-date-writer that Pillion set, so what should be a sidecar is waited for without end\n",
		},
		"the guard saw it": {
			func(*corev1.Pod) (*corev1.Pod, error) {
				return nil, denied("pods \"x\" is forbidden: ValidatingAdmissionPolicy 'pillion-final-state' with binding 'b' denied request: lost")
			},
			"failed pods: " + where[:len(where)-1] + " is denied, for something took away what Pillion added: pods \"x\" is forbidden: ValidatingAdmissionPolicy 'pillion-final-state' with binding 'b' denied request: lost\n",
		},
		"the webhook was not reached": {
			func(*corev1.Pod) (*corev1.Pod, error) {
				return nil, errors.New(`Internal error occurred: failed calling webhook "inject.pillion.dev": failed to call webhook: Post "https://w.pillion-system.svc:443/inject/default?timeout=5s": context deadline exceeded`)
			},
			"failed pods: policy default: the API server could not call the webhook: context deadline exceeded\n",
		},
		"the webhook has no such policy": {
			func(*corev1.Pod) (*corev1.Pod, error) {
				return nil, errors.New(`Internal error occurred: failed calling webhook "inject.pillion.dev": failed to call webhook: pillion: this replica has not loaded the policy "web"`)
			},
			"failed pods: policy default: the webhook cannot decide: this replica has not loaded the policy \"web\"\n",
		},
		"another webhook was not reached": {
			func(*corev1.Pod) (*corev1.Pod, error) {
				return nil, errors.New(`Internal error occurred: failed calling webhook "other.example.com": x`)
			},
			"warning pods: policy default: not tried, for others deny the pod in the namespace shop: Internal error occurred: failed calling webhook \"other.example.com\": x\n",
		},
		"a quota is used up": {
			func(*corev1.Pod) (*corev1.Pod, error) { return nil, denied(`pods "x" is forbidden: exceeded quota: q`) },
			"warning pods: policy default: not tried, for others deny the pod in the namespace shop: pods \"x\" is forbidden: exceeded quota: q\n",
		},
		"not allowed": {
			func(*corev1.Pod) (*corev1.Pod, error) {
				return nil, denied(`pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "shop"`)
			},
			"skipped pods: not checked: you may not create pods in the namespace shop\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := at(Pods, fake{objects: map[string]string{"/api/v1/namespaces": "[{metadata: {name: shop}}]"}, try: c.try})
			l.entriesOf[0].Name = "inject.pillion.dev"
			if err := l.pods(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, l.said()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAPolicyThatNoNamespaceHasIsNotTried(t *testing.T) {
	t.Parallel()
	l := at(Pods, fake{objects: map[string]string{"/api/v1/namespaces": "[]"}})
	_ = l.pods(t.Context())
	if diff := cmp.Diff("skipped pods: policy default: not tried, for no namespace has it\n", l.said()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAFailureNamesTheLinkThatCausesIt(t *testing.T) {
	t.Parallel()
	l := at(Secret, fake{})
	l.ok("a link that holds is no cause")
	l.link = CABundle
	l.fail("caBundle is empty", "fill it")
	l.link = Pods
	l.fail("no answer", "look at it")
	want := Result{Pods, Failed, "no answer (because of ca-bundle, above)", ""}
	if diff := cmp.Diff(want, l.results[2]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What pods on trial ask for has to be good for any namespace.
func TestThePodOnTrialIsRestricted(t *testing.T) {
	t.Parallel()
	for _, a := range asks() {
		p := a.pod()
		c := p.Spec.Containers[0]
		if !*p.Spec.SecurityContext.RunAsNonRoot || *c.SecurityContext.AllowPrivilegeEscalation || c.Resources.Limits.Cpu().IsZero() || !strings.HasPrefix(c.Image, "pillion.invalid/") {
			t.Errorf("%s: %+v", a.helper, p.Spec)
		}
	}
}
