// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
)

func TestJudgeOfInjectedPods(t *testing.T) {
	t.Parallel()
	now := policyOf(t, "default", "{date-writer: }")
	before := policyOf(t, "default", "{date-writer: {options: {interval: {max: 1m}}}}")
	never := policyOf(t, "default", "{git-poller: }")
	for name, c := range map[string]struct {
		under  *inject.Policy // when it was made
		by     string
		change func(*corev1.Pod)
		look   func(*Look)
		state  State
		want   []string // codes and a part of their texts
	}{
		"a pod that was made a moment ago is current": {state: Current},
		"a pod of another state of the policy has drifted": {
			under: before, state: Drifted,
			want: []string{`MadeByOther: it was made under another state of the policy "default", ` + before.Hash + "; now it is " + now.Hash},
		},
		"a pod that has ended does not drift": {
			under: before, change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, state: Current,
		},
		"a pod of another policy has drifted": {
			under: policyOf(t, "web", "{date-writer: }"), state: Drifted,
			want: []string{`MadeByOther: it was made under the policy "web"; its namespace has "default" now`},
		},
		"a pod that would be denied today has drifted": {
			look: func(l *Look) {
				l.Policies = &Policies{ByName: map[string]*inject.Policy{"default": never}, Source: "policies"}
			},
			state: Drifted,
			want:  []string{`MadeByOther: it was made under another state`, `DeniedToday: a pod like this would be denied today: metadata.annotations[date-writer.pillion.dev/mount-path]: Forbidden: policy "default" does not allow date-writer`},
		},
		"a policy that stands in for another proves nothing": {
			look: func(l *Look) {
				l.Policies = &Policies{ByName: map[string]*inject.Policy{"default": never}, Assumed: true}
			},
			state: Current,
		},
		"a container that is gone": {
			change: func(p *corev1.Pod) { p.Spec.InitContainers = nil }, state: Changed,
			want: []string{"ContainerTakenAway: the status says that pillion-date-writer was added, and the pod has no such container"},
		},
		"a restartPolicy that is gone": {
			change: func(p *corev1.Pod) { p.Spec.InitContainers[0].RestartPolicy = nil }, state: Changed,
			want: []string{"RestartPolicyLost: pillion-date-writer lost its restartPolicy: Always"},
		},
		"a mount that is gone": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].VolumeMounts = nil }, state: Changed,
			want: []string{"MountTakenAway: container app has no mount of pillion-date-writer at /html, which Pillion had added"},
		},
		"an image that another webhook mirrors is none of a change": {
			change: func(p *corev1.Pod) {
				_, name, _ := strings.Cut(p.Spec.InitContainers[0].Image, "/")
				p.Spec.InitContainers[0].Image = "mirror.example/" + name
			},
			state: Current,
		},
		"a container that was left out": {
			change: func(p *corev1.Pod) {
				text := p.Annotations[inject.StatusAnnotation]
				p.Annotations[inject.StatusAnnotation] = strings.Replace(text, `"containers":["app"]`, `"containers":["app"],"leftOut":["agent","proxy"]`, 1)
			},
			state: Current,
			want:  []string{"LeftOut: agent and proxy came after the first review, too late for a part in pillion-date-writer"},
		},
		"a container that no status can have left out": {
			change: func(p *corev1.Pod) {
				text := p.Annotations[inject.StatusAnnotation]
				p.Annotations[inject.StatusAnnotation] = strings.Replace(text, `"containers":["app"]`, `"containers":["app"],"leftOut":["\u001b[31m"]`, 1)
			},
			state: Changed,
			want:  []string{"ForeignStatus: ", "ChangedByOthers: the pod has containers"},
		},
		"another image": {
			change: func(p *corev1.Pod) { p.Spec.InitContainers[0].Image = "mirror.example/x" }, state: Changed,
			want: []string{"ChangedByOthers: pillion-date-writer is not as Pillion writes it: another webhook, or a user who may change pods, put something else there"},
		},
		"another image in a pod that has ended": {
			change: func(p *corev1.Pod) {
				p.Spec.InitContainers[0].Image, p.Status.Phase = "mirror.example/x", corev1.PodFailed
			},
			state: Current,
		},
		"a value that was changed later": {
			change: func(p *corev1.Pod) {
				p.Annotations["date-writer.pillion.dev/interval"] = "5s"
				p.ManagedFields = []metav1.ManagedFieldsEntry{
					{Manager: "kubectl", Time: new(metav1.NewTime(made)), FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:` + dateMount + `":{}}}}`)},
					{Manager: "kubectl-annotate", Time: new(metav1.NewTime(made.Add(time.Hour))), FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:date-writer.pillion.dev/interval":{}}}}`)},
				}
			},
			state: Missing,
			want:  []string{"AnnotatedLater: date-writer.pillion.dev/interval was written at 2026-05-04T11:00:00Z, after the pod was made at 2026-05-04T10:00:00Z; pillion-date-writer has what the annotations said then"},
		},
		"a container that came later has no mount, and nobody took it away": {
			change: func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "late", Image: "late"})
			},
			state: Current,
		},
		"a helper that was asked for later": {
			change: func(p *corev1.Pod) { p.Annotations["second."+dateMount] = "/second" }, state: Missing,
			want: []string{"AnnotatedLater: the pod requests pillion-date-writer-second as well, which it did not when it was made"},
		},
		"an older version than the newest pod has drifted": {
			by: "v1.0.0", state: Drifted,
			look: func(l *Look) {
				newer := injected(t, now, version)
				newer.Name, newer.CreationTimestamp = "newer", metav1.NewTime(made.Add(time.Minute))
				l.Newest.Add(read(t, newer))
			},
			want: []string{"MadeByOther: it was made by Pillion v1.0.0; newer pods, such as newer, are by v1.2.3"},
		},
		"an older version of which nothing newer is known is current": {by: "v1.0.0", state: Current},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.under == nil {
				c.under = now
			}
			by := version
			if c.by != "" {
				by.Version = c.by
			}
			pod := injected(t, c.under, by)
			if c.change != nil {
				c.change(pod)
			}
			l := &Look{
				Injector: version, Newest: Newest{}, Cluster: clusterWith(nil, webhook("default", nil)),
				Policies: &Policies{ByName: map[string]*inject.Policy{"default": now}, Source: "policies"},
			}
			in := read(t, pod)
			l.Newest.Add(in)
			if c.look != nil {
				c.look(l)
			}
			wantPod(t, l.Judge(in), c.state, c.want)
		})
	}
}

// wantPod compares a judgement; each text may be cut at its end.
func wantPod(t *testing.T, got Pod, state State, want []string) {
	t.Helper()
	if got.State != state {
		t.Errorf("the pod is %s, want %s", got.State, state)
	}
	var texts []string
	for i, f := range got.Findings {
		text := string(f.Code) + ": " + f.Text
		if i < len(want) && strings.HasPrefix(text, want[i]) {
			text = want[i]
		}
		texts = append(texts, text)
		if f.Problem == got.Good() && state != Current {
			t.Errorf("%s: a problem is %v, the pod is good: %v", f.Code, f.Problem, got.Good())
		}
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("the findings (-want +got):\n%s", diff)
	}
}

func TestJudgeOfPodsWithoutHelpers(t *testing.T) {
	t.Parallel()
	asking := map[string]string{dateMount: "/html"}
	for name, c := range map[string]struct {
		annotations map[string]string
		change      func(*corev1.Pod)
		cluster     *Cluster
		state       State
		want        []string
	}{
		"that ask for nothing are none of ours": {cluster: clusterWith(nil, webhook("default", nil)), state: None},
		"that opt out ask for nothing":          {annotations: map[string]string{inject.InjectAnnotation: "false"}, cluster: clusterWith(nil), state: Skipped},
		"on Windows are skipped": {
			annotations: asking, change: func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} },
			cluster: clusterWith(nil, webhook("default", nil)), state: Skipped,
			want: []string{"AskedInVain: helpers are Linux containers, so this Windows pod gets none"},
		},
		"of a node's disk": {
			annotations: asking, change: func(p *corev1.Pod) {
				p.Spec.NodeName, p.Annotations = "node-1", map[string]string{dateMount: "/html", "kubernetes.io/config.mirror": "x"}
			},
			cluster: clusterWith(nil, webhook("default", nil)), state: Skipped,
			want: []string{"AskedInVain: a static pod is read from the node's disk, so nothing can be added to it"},
		},
		"in a cluster without the webhook": {
			annotations: asking, cluster: clusterWith(nil), state: Missing,
			want: []string{"NoWebhook: no MutatingWebhookConfiguration of this cluster calls Pillion"},
		},
		"in a namespace that is left out": {
			annotations: asking, state: Missing,
			cluster: clusterWith(map[string]string{"team": "x"}, webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
				w.NamespaceSelector = selector("team", metav1.LabelSelectorOpNotIn, "x")
			})),
			want: []string{"NamespaceLeftOut: no webhook of Pillion is sent the pods of namespace shop: default.pillion.dev wants team notin (x)"},
		},
		"that an objectSelector leaves out": {
			annotations: asking, state: Missing,
			cluster: clusterWith(nil, webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
				w.ObjectSelector = selector("app", metav1.LabelSelectorOpExists)
			})),
			want: []string{"NamespaceLeftOut: the objectSelector of default.pillion.dev leaves out a pod with these labels: app"},
		},
		"that were annotated later": {
			annotations: asking, cluster: clusterWith(nil, webhook("default", nil)), state: Missing,
			change: writtenAt(made.Add(time.Hour)),
			want:   []string{"AnnotatedLater: the annotations were written at 2026-05-04T11:00:00Z and the pod was made at 2026-05-04T10:00:00Z;"},
		},
		"that had asked for nothing, and were annotated later": {
			annotations: map[string]string{dateMount: "/html", inject.StatusAnnotation: `{"result":"Skipped","reason":"NothingRequested"}`},
			cluster:     clusterWith(nil, webhook("default", nil)), state: Missing,
			change: writtenAt(made.Add(time.Hour)),
			want:   []string{"AnnotatedLater: the annotations were written at 2026-05-04T11:00:00Z"},
		},
		"that are older than the webhook": {
			annotations: asking, state: Missing,
			cluster: func() *Cluster {
				w := webhook("default", nil)
				w.CreationTimestamp = metav1.NewTime(made.Add(time.Minute))
				return clusterWith(nil, w)
			}(),
			change: writtenAt(made),
			want:   []string{"PodOlderThanWebhook: the pod was made at 2026-05-04T10:00:00Z, before the webhook (pillion, 2026-05-04T10:01:00Z)"},
		},
		"that were made while a webhook was down that may be": {
			annotations: asking, state: Missing,
			cluster: clusterWith(nil, webhook("default", func(w *admissionregistrationv1.MutatingWebhook) {
				w.FailurePolicy = new(admissionregistrationv1.Ignore)
			})),
			want: []string{"FailurePolicyIgnore: failurePolicy of default.pillion.dev is Ignore"},
		},
		"of which nothing is to be seen": {
			annotations: asking, cluster: clusterWith(nil, webhook("default", nil)), state: Missing,
			want: []string{"NotInjected: the pod requests a helper and has none: its annotations came after Pillion was called"},
		},
		"of a cluster that may not be read": {
			annotations: asking, cluster: &Cluster{NamespaceName: "shop"}, state: Missing,
			want: []string{"NotInjected: the pod requests a helper and has none"},
		},
		"with a container of our name and no status": {
			annotations: asking, cluster: clusterWith(nil, webhook("default", nil)), state: Changed,
			change: func(p *corev1.Pod) {
				p.Spec.InitContainers = []corev1.Container{{Name: "pillion-date-writer", Image: "x"}}
			},
			want: []string{"ChangedByOthers: the pod has containers with Pillion's reserved names and no status"},
		},
	} {
		t.Run("pods "+name, func(t *testing.T) {
			t.Parallel()
			pod := podAsking(c.annotations)
			if c.change != nil {
				c.change(pod)
			}
			l := &Look{
				Injector: version, Newest: Newest{}, Cluster: c.cluster,
				Policies: &Policies{ByName: map[string]*inject.Policy{"default": policyOf(t, "default", "{date-writer: }")}},
			}
			wantPod(t, l.Judge(read(t, pod)), c.state, c.want)
		})
	}
}

// writtenAt says in managedFields when the annotation was written.
func writtenAt(when time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: "kubelet", Time: new(metav1.NewTime(made.Add(24 * time.Hour))), FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
			{Manager: "kubectl", Time: new(metav1.NewTime(when)), FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:` + dateMount + `":{}}}}`)},
		}
	}
}

func TestTheFixNamesWhoMakesTheNextPod(t *testing.T) {
	t.Parallel()
	pod := podAsking(map[string]string{dateMount: "/html"})
	if got, want := remake(read(t, pod)), "delete the pod and create it again"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-1", Controller: new(true)}}
	if got, want := remake(read(t, pod)), "delete the pod: its ReplicaSet makes a new one"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
