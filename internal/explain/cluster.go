// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/pillion-dev/pillion/internal/inject/helper"
)

// Cluster is what was read of a cluster for the objects of one namespace.
type Cluster struct {
	NamespaceName string
	Labels        map[string]string // of the namespace; nil if it could not be read
	// Webhooks are those of Pillion that mutate pods; nil if they could not be read.
	Webhooks []Webhook
	// Others are the webhooks of others that mutate pods.
	Others []Webhook
	// Bounds of the namespace; nil if they were not read.
	Bounds *Bounds
	// NotRead says what could not be read, and why.
	NotRead []string
}

// Webhook is one entry of a MutatingWebhookConfiguration that is sent new pods.
type Webhook struct {
	Configuration string // name of the object
	Name          string // of the entry
	Policy        string // that it applies
	Created       time.Time
	Ignore        bool   // its failurePolicy
	Service       string // namespace of the Service that it calls; "" for a URL

	namespaces *metav1.LabelSelector
	objects    *metav1.LabelSelector
}

// WebhooksOf finds the entries that are sent new pods among all webhook configurations of
// a cluster: Pillion's, which are known by their name in our domain, and those of others.
// The first result is never nil.
func WebhooksOf(configurations []admissionregistrationv1.MutatingWebhookConfiguration) (ours, others []Webhook) {
	ours = []Webhook{}
	for i := range configurations {
		c := &configurations[i]
		for j := range c.Webhooks {
			w := &c.Webhooks[j]
			if !slices.ContainsFunc(w.Rules, createsPods) {
				continue
			}
			entry := Webhook{
				Configuration: c.Name, Name: w.Name, Created: c.CreationTimestamp.Time,
				Ignore:     w.FailurePolicy != nil && *w.FailurePolicy == admissionregistrationv1.Ignore,
				namespaces: w.NamespaceSelector, objects: w.ObjectSelector,
			}
			entry.Policy, entry.Service = target(&w.ClientConfig)
			if strings.HasSuffix(w.Name, "."+helper.Domain) {
				ours = append(ours, entry)
			} else {
				others = append(others, entry)
			}
		}
	}
	return ours, others
}

func createsPods(r admissionregistrationv1.RuleWithOperations) bool {
	return slices.ContainsFunc(r.Resources, func(s string) bool { return s == "pods" || s == "*" || s == "*/*" }) &&
		slices.ContainsFunc(r.Operations, func(o admissionregistrationv1.OperationType) bool {
			return o == admissionregistrationv1.Create || o == admissionregistrationv1.OperationAll
		})
}

// target is the policy that a webhook's path names, and the namespace of its Service.
func target(c *admissionregistrationv1.WebhookClientConfig) (policy, service string) {
	at := ""
	if c.URL != nil {
		if u, err := url.Parse(*c.URL); err == nil {
			at = u.Path
		}
	} else if c.Service != nil {
		service = c.Service.Namespace
		if c.Service.Path != nil {
			at = *c.Service.Path
		}
	}
	return path.Base(at), service
}

// label is what the namespace says of its policy.
func (c *Cluster) label() (name string, has bool) {
	if c == nil {
		return "", false
	}
	name, has = c.Labels[PolicyLabel]
	return name, has
}

// entries are the webhooks that are sent pods of the namespace.
func (c *Cluster) entries() []Webhook {
	if c == nil || c.Labels == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Webhooks), func(w Webhook) bool { return !selects(w.namespaces, c.Labels) })
}

// suspects says which webhooks of others are sent pods of the namespace, for a sentence.
func (c *Cluster) suspects() string {
	var names []string
	if c != nil {
		for _, w := range c.Others {
			if selects(w.namespaces, c.Labels) && !slices.Contains(names, w.Configuration) {
				names = append(names, w.Configuration)
			}
		}
	}
	if len(names) == 0 {
		return "find the webhook that does it (kubectl get mutatingwebhookconfigurations); it must keep what it does not know"
	}
	return "the webhooks that can have done it are of " + joinAnd(names) + "; they must keep what they do not know"
}

// selects reports whether a selector takes a set of labels. No selector takes all of them.
func selects(s *metav1.LabelSelector, of map[string]string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(of))
}

// reach says what keeps the pods of the namespace with these labels from Pillion; nil
// if nothing does, or if it is not known.
func (c *Cluster) reach(podLabels map[string]string) *Finding {
	switch {
	case c == nil || c.Webhooks == nil:
		return nil
	case len(c.Webhooks) == 0:
		return &Finding{
			Code: NoWebhook, Problem: true,
			Text: "no MutatingWebhookConfiguration of this cluster calls Pillion, so no pod gets a helper",
			Fix:  "install Pillion (config/webhook), then recreate the pods",
		}
	case c.Labels == nil:
		return nil
	}
	entries := c.entries()
	if len(entries) == 0 {
		return &Finding{
			Code: NamespaceLeftOut, Problem: true,
			Text: "no webhook of Pillion is sent the pods of namespace " + c.NamespaceName + ": " + c.selectors(),
			Fix:  "use another namespace, or have the platform team widen the namespaceSelector",
		}
	}
	for _, w := range entries {
		if selects(w.objects, podLabels) {
			return nil
		}
	}
	return &Finding{
		Code: NamespaceLeftOut, Problem: true,
		Text: "the objectSelector of " + entries[0].Name + " leaves out a pod with these labels: " + metav1.FormatLabelSelector(entries[0].objects),
		Fix:  "change the pod's labels, or have the platform team widen the objectSelector",
	}
}

// selectors lists the namespace selectors of all entries for a sentence.
func (c *Cluster) selectors() string {
	var texts []string
	for _, w := range c.Webhooks {
		texts = append(texts, w.Name+" wants "+metav1.FormatLabelSelector(w.namespaces))
	}
	return strings.Join(texts, "; ")
}

// notRead are the findings about what could not be read.
func (c *Cluster) notRead() []Finding {
	if c == nil {
		return nil
	}
	var all []Finding
	for _, text := range c.NotRead {
		all = append(all, Finding{Code: NotLookedAt, Text: text})
	}
	return all
}

// PolicyLabel is the label by which a namespace picks its policy.
const PolicyLabel = helper.Domain + "/policy"
