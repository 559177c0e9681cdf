// SPDX-License-Identifier: Apache-2.0

package rule

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Helper is what the platform owns of one helper. No annotation reaches it.
type Helper struct {
	Engine      string // whose flags the container gets; empty is our own program
	Image       string
	PullPolicy  corev1.PullPolicy
	PullSecrets []corev1.LocalObjectReference
	Resources   corev1.ResourceRequirements
	RunAsUser   *int64            // nil is left out of the container, for the platform that assigns users in the namespace
	RunAsGroup  *int64            // the same
	VolumeSize  resource.Quantity // sizeLimit of the volume that the helper fills
	Rules       map[string]*Rule  // by option name
	Secrets     []Secret          // which Secret may be sent where; if there are none, each everywhere
	Reach       Reach
}

// Reach is how a helper reaches servers outside of the pod.
type Reach struct {
	Proxy     *Proxy // nil for none
	ExtraCAs  string // a ConfigMap with further certificate authorities in its key ca.crt; "" for none
	GitHubAPI string // the URL of GitHub's API; "" for that of the repository's host
}

// Proxy is an HTTP proxy.
type Proxy struct {
	URL     string   // http or https, with its port and without credentials
	NoProxy []string // hosts, domains and networks that are reached without it
	SSH     bool     // whether ssh servers are reached through it as well
	Secret  string   // of the pod's namespace, with the keys username and password; "" for none
}

// Assigned stands for the user that nobody knows before the pod is admitted: the policy
// leaves it out, and the platform that assigns users in the namespace fills it in. It is the number
// of root, and no helper runs as root.
const Assigned int64 = 0

// User is the user that the helper runs as and that owns its objects.
func (h *Helper) User() int64 {
	if h.RunAsUser == nil {
		return Assigned
	}
	return *h.RunAsUser
}
