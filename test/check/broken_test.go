// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type (
	mutating   = admissionregistrationv1.MutatingWebhookConfiguration
	validating = admissionregistrationv1.ValidatingWebhookConfiguration
)

func noConfiguration(t *testing.T) { remove[mutating](t, "", "pillion") }

func caBundles(t *testing.T, bundle []byte) {
	change(t, "", "pillion", func(c *mutating) {
		for i := range c.Webhooks {
			c.Webhooks[i].ClientConfig.CABundle = bundle
		}
	})
	change(t, "", "pillion", func(c *validating) {
		for i := range c.Webhooks {
			c.Webhooks[i].ClientConfig.CABundle = bundle
		}
	})
}

// aks does what AKS's admissions enforcer does, under its name.
func aks(t *testing.T) {
	byAKS := client.FieldOwner("admissionsenforcer")
	control := metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"true"}}
	changeBy(t, "", "pillion", func(c *mutating) {
		for i := range c.Webhooks {
			s := c.Webhooks[i].NamespaceSelector
			s.MatchExpressions = append(s.MatchExpressions, control)
		}
	}, func(c *mutating) error { return api.Update(context.Background(), c, byAKS) })
	changeBy(t, "", "pillion", func(c *validating) {
		for i := range c.Webhooks {
			s := c.Webhooks[i].NamespaceSelector
			s.MatchExpressions = append(s.MatchExpressions, control)
		}
	}, func(c *validating) error { return api.Update(context.Background(), c, byAKS) })
}

func emptyCABundle(t *testing.T) { caBundles(t, nil) }

func otherCA(t *testing.T) {
	other, err := newAuthority("some-other-ca")
	if err != nil {
		t.Fatal(err)
	}
	caBundles(t, other.pem)
}

func twoCAs(t *testing.T) {
	next, err := newAuthority("pillion-ca")
	if err != nil {
		t.Fatal(err)
	}
	caBundles(t, append(append([]byte{}, next.pem...), hook.ca.pem...))
}

func otherCertificate(t *testing.T, name string, until int) {
	before := hook.serving.Load()
	p, err := hook.ca.issue(name, until)
	if err != nil {
		t.Fatal(err)
	}
	hook.use(p)
	t.Cleanup(func() { hook.use(pair{tls: *before}) })
	change(t, system, "pillion-webhook-tls", func(s *corev1.Secret) {
		s.Data = map[string][]byte{"tls.crt": p.cert, "tls.key": p.key}
	})
}

// authorityGone is what cert-manager says, and what follows, after somebody deleted the
// Secret of the authority and that of the leaf. The sentences are cert-manager's own.
func authorityGone(t *testing.T) {
	notReady := func(reason, message string) []certmanagerv1.CertificateCondition {
		return []certmanagerv1.CertificateCondition{{Type: certmanagerv1.CertificateConditionReady, Status: cmmeta.ConditionFalse, Reason: reason, Message: message}}
	}
	changeStatus(t, system, "pillion-ca", func(i *certmanagerv1.Issuer) {
		i.Status.Conditions[0].Status, i.Status.Conditions[0].Reason = cmmeta.ConditionFalse, "ErrGetKeyPair"
		i.Status.Conditions[0].Message = `Error getting keypair for CA issuer: secrets "pillion-ca" not found`
	})
	changeStatus(t, system, "pillion-ca", func(c *certmanagerv1.Certificate) {
		c.Status.Conditions = notReady("Denied", "The CertificateRequest was denied by an approver")
	})
	changeStatus(t, system, name, func(c *certmanagerv1.Certificate) {
		c.Status.Conditions = notReady("DoesNotExist", "Issuing certificate as Secret does not exist")
	})
	remove[corev1.Secret](t, system, name+"-tls")
	changeStatus(t, system, name, func(d *appsv1.Deployment) { d.Status.ReadyReplicas, d.Status.AvailableReplicas = 0, 0 })
	for _, pod := range []string{name + "-a", name + "-b"} {
		changeStatus(t, system, pod, func(p *corev1.Pod) {
			p.Status.Conditions[0].Status = corev1.ConditionFalse
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "webhook", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}
		})
	}
	change(t, system, name+"-1", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = new(false) })
}

func noCertificate(t *testing.T) {
	change(t, "", "pillion", func(c *mutating) {
		c.Annotations[certmanagerv1.WantInjectAnnotation] = system + "/pillion-webhok"
	})
}

func noService(t *testing.T) { remove[corev1.Service](t, system, name) }

func scaledToNothing(t *testing.T) {
	change(t, system, name, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(0)) })
	changeStatus(t, system, name, func(d *appsv1.Deployment) { d.Status = appsv1.DeploymentStatus{ObservedGeneration: 2} })
	for _, pod := range []string{name + "-a", name + "-b"} {
		changeStatus(t, system, pod, func(p *corev1.Pod) { p.Status.Phase, p.Status.Conditions = corev1.PodSucceeded, nil })
	}
	change(t, system, name+"-1", func(s *discoveryv1.EndpointSlice) { s.Endpoints = nil })
}

// stuckRollout is one with a mistake that only a new replica meets, such as a policy that it
// does not know.
func stuckRollout(t *testing.T) {
	changeStatus(t, system, name, func(d *appsv1.Deployment) {
		d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.UnavailableReplicas = 3, 1, 1
	})
	var serving corev1.Pod
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: system, Name: name + "-a"}, &serving); err != nil {
		t.Fatal(err)
	}
	added := &corev1.Pod{ObjectMeta: meta(name + "-c"), Spec: *serving.Spec.DeepCopy()}
	added.Labels, added.Spec.NodeName = serving.Labels, "" // on a node it would outlive its deletion here, where there is no kubelet
	add(t, added)
	changeStatus(t, system, added.Name, func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "webhook", State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 40s restarting failed container=webhook"},
		}}}
	})
}

// connectionRefused is a Service whose targetPort is wrong.
func connectionRefused(t *testing.T) {
	change(t, system, name+"-1", func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = new(int32(1)) })
}

func unknownPolicy(t *testing.T) {
	change(t, "", "shop", func(ns *corev1.Namespace) { ns.Labels["pillion.dev/policy"] = "defaults" })
}

// overlap is the mistake of somebody who adds an entry, and forgets its selector.
func overlap(t *testing.T) {
	change(t, "", "pillion", func(c *mutating) {
		web := *c.Webhooks[0].DeepCopy()
		web.Name, web.ClientConfig.Service.Path = "web.inject.pillion.dev", new("/inject/web")
		web.NamespaceSelector.MatchExpressions = web.NamespaceSelector.MatchExpressions[:1]
		c.Webhooks = append(c.Webhooks, web)
	})
}

func ignore(t *testing.T) {
	change(t, "", "pillion", func(c *mutating) {
		for i := range c.Webhooks {
			c.Webhooks[i].FailurePolicy = new(admissionregistrationv1.Ignore)
		}
	})
}

func guard(t *testing.T) {
	p := &admissionregistrationv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "pillion-final-state"}}
	p.Spec.MatchConstraints = &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
		RuleWithOperations: admissionregistrationv1.RuleWithOperations{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		},
	}}}
	p.Spec.Validations = []admissionregistrationv1.Validation{{Expression: "true"}}
	add(t, p)
	b := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "pillion-final-state"}}
	b.Spec.PolicyName, b.Spec.ValidationActions = p.Name, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny}
	add(t, b)
}

func budget(t *testing.T) {
	change(t, system, name, func(b *policyv1.PodDisruptionBudget) {
		b.Spec.MaxUnavailable, b.Spec.MinAvailable = nil, new(intstr.FromString("100%"))
	})
}

// reader gives jill the rights that most links need.
func reader(t *testing.T) {
	rule := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{"get", "list"}, APIGroups: []string{group}, Resources: resources}
	}
	add(t, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "pillion-reader"}, Rules: []rbacv1.PolicyRule{
		rule("", "nodes", "namespaces", "services", "pods"),
		rule("apps", "deployments"),
		rule("policy", "poddisruptionbudgets"),
		rule("discovery.k8s.io", "endpointslices"),
		rule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
		rule("cert-manager.io", "certificates"),
	}})
	add(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "pillion-reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "pillion-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "jill"}},
	})
}
