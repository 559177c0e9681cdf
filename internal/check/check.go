// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"time"
)

// Options say what to look at.
type Options struct {
	// Namespace is that of the installation; "" for the one that the webhook
	// configurations name.
	Namespace string
	// Now is the time by which certificates are judged.
	Now time.Time
	// Load reads the files of a directory of policies, by their names, as the webhook does
	// when it starts. It returns the names of the policies.
	Load func(files map[string]string) ([]string, error)
}

// Run looks at all links. Its error means that the cluster did not answer at all.
func Run(ctx context.Context, c Cluster, o Options) ([]Result, error) {
	l := &look{Options: o, cluster: c}
	for _, s := range steps() {
		l.link = s.link
		if root := l.first(s.needs, Failed, Skipped); root != "" {
			l.skip("not checked because of " + string(root))
			continue
		}
		before := len(l.results)
		if err := s.do(l, ctx); err != nil {
			return nil, err
		}
		if len(l.results) == before {
			l.skip("there is nothing to check")
		}
	}
	for _, i := range l.unread {
		if r := &l.results[i]; l.matters(r.Name) {
			r.Outcome = Unknown
		}
	}
	return l.results, nil
}

// matters reports whether a link that could not be checked may be broken without another
// saying so.
func (l *look) matters(link Link) bool {
	switch link {
	case Nodes, Budget: // they have warnings only
		return false
	case Secret:
		return !l.held(Served)
	case Served:
		return !l.held(Secret)
	case Pods: // all policies are behind the same Service
		return !l.held(Pods)
	default:
		return true
	}
}

func steps() []step {
	found := []Link{Configuration}
	return []step{
		{APIServer, "Kubernetes is new enough: 1.30, for match conditions and native sidecars.", (*look).apiServer, nil, nil},
		{Nodes, "The kubelets are new enough: 1.29, for native sidecars.", (*look).nodes, nil, nil},
		{Configuration, "A MutatingWebhookConfiguration calls Pillion, and it is one installation.", (*look).configuration, nil, nil},
		{Entries, "Each namespace reaches exactly one entry, and that of its policy.", (*look).entries, found, nil},
		{Settings, "The entries' settings: failurePolicy, reinvocationPolicy, timeout, order, and other writers of their selectors.", (*look).settings, found, nil},
		{Warnings, "A ValidatingWebhookConfiguration warns the authors of workloads, and denies nothing.", (*look).warnings, found, nil},
		{Namespaces, "The labels of namespaces name policies that exist.", (*look).namespaces, found, nil},
		{Service, "The Service that the entries name is there and has the port.", (*look).service, found, nil},
		{CertManager, "cert-manager's Certificate is issued and renewed, and its issuers are ready.", (*look).certManager, found, nil},
		{Secret, "The Secret that the replicas mount holds a pair that is valid and for the Service's name.", (*look).secret, []Link{Configuration, Service}, []Link{CertManager}},
		{CABundle, "The entries trust the authority that signed the certificate.", (*look).caBundle, found, []Link{CertManager, Secret}},
		{Replicas, "The Deployment's replicas are ready, and not all on one node, and its policies load.", (*look).replicas, []Link{Configuration, Service}, []Link{Secret}},
		{Endpoints, "The Service has endpoints that are ready.", (*look).endpoints, []Link{Configuration, Service}, []Link{Replicas}},
		{Served, "What the replicas serve is what the entries trust; read through a port-forward.", (*look).served, []Link{Configuration, Service}, []Link{Secret, CABundle, Endpoints}},
		{Budget, "A PodDisruptionBudget keeps a replica, and lets nodes be drained.", (*look).budget, []Link{Configuration, Service}, nil},
		{Pods, "For each policy, a pod that is made as a dry run gets its helper, and keeps it.", (*look).pods, found, []Link{Entries, Service, CertManager, Secret, CABundle, Endpoints, Served}},
		{Permissions, "All could be read; if not, the rights to request.", (*look).permissions, nil, nil},
	}
}
