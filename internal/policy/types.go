// SPDX-License-Identifier: Apache-2.0

package policy

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// APIVersion and Kind are what every policy file begins with.
const (
	APIVersion = "pillion.dev/v1alpha1"
	Kind       = "InjectionPolicy"
)

// InjectionPolicy is one policy file.
type InjectionPolicy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata names the policy. A namespace picks it by this name.
type Metadata struct {
	Name string `json:"name"`
}

// Spec says what pods may ask for and what the platform owns.
type Spec struct {
	// Enforcement is Deny (the default) or Warn: pods that a rule of this policy would
	// deny are admitted and injected as they ask, and the rule is in a warning. What is
	// wrong with a pod in itself is denied all the same.
	Enforcement string `json:"enforcement,omitempty"`
	// HostNetwork is Deny (the default) or Allow: whether helpers may go into pods
	// that use the node's network.
	HostNetwork string `json:"hostNetwork,omitempty"`

	// RuntimeClasses says what the RuntimeClasses of the cluster are.
	RuntimeClasses RuntimeClasses `json:"runtimeClasses,omitzero"`

	// Limits bound what helpers add to one pod in all.
	Limits Limits `json:"limits,omitzero"`

	// Image is the image of all helpers that have none of their own.
	Image string `json:"image,omitempty"`
	// PullPolicy is that of these images: IfNotPresent (the default), Always or Never.
	PullPolicy corev1.PullPolicy `json:"pullPolicy,omitempty"`
	// ImagePullSecrets are Secrets for the registry. They have to exist in each namespace.
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`

	// RunAsUser is the user of helpers: a number from 1 on (the default is 65532), or
	// FromNamespace, which leaves the field out for the platform that assigns users in the
	// namespace, as OpenShift does.
	RunAsUser ID `json:"runAsUser,omitempty"`
	// RunAsGroup is their group, in the same way. The group of a user FromNamespace is
	// FromNamespace as well unless it is set.
	RunAsGroup ID `json:"runAsGroup,omitempty"`

	// Helpers are the helpers that pods may ask for. One that is not listed is not allowed.
	Helpers map[string]*Helper `json:"helpers"`

	// Require lists the helpers that every pod of the namespaces gets. No pod can opt out; it
	// may set options that are not named here, within the rules.
	Require []inject.AdditionSpec `json:"require,omitempty"`
	// Inject lists the helpers that every pod gets unless it has the annotation
	// pillion.dev/inject: "false". Its own annotations win over the options here.
	Inject []inject.AdditionSpec `json:"inject,omitempty"`
}

// RuntimeClasses says what the RuntimeClasses of the cluster are.
type RuntimeClasses struct {
	// GVisor names those that run pods in gVisor, in which not all of ipc works. The
	// default is gvisor and runsc.
	GVisor []string `json:"gvisor,omitempty"`
	// Deny names those whose pods get no helpers.
	Deny []string `json:"deny,omitempty"`
}

// Limits bound what helpers add to one pod in all, whatever single rules allow. What is
// left out is not bounded.
type Limits struct {
	// HelpersPerPod is how many helpers a pod may ask for; each instance is one.
	HelpersPerPod *int64 `json:"helpersPerPod,omitempty"`
	// SharedMemory is what the volumes in memory may hold together: shared memory and
	// huge pages.
	SharedMemory string `json:"sharedMemory,omitempty"`
	// VolumeSize is what the volumes on the node's disk may hold together. A volume that
	// the pod has itself is not counted.
	VolumeSize string `json:"volumeSize,omitempty"`
}

// Helper is what the policy says about one helper. All of it is optional.
type Helper struct {
	// Options are the rules for the values of its options, by their names.
	Options map[string]rule.Spec `json:"options,omitempty"`
	// Secrets says which Secret may be sent to which repositories. A Secret that no entry names
	// cannot be used. Without the list each Secret that the option's rule allows may be sent to
	// each repository that the rule of repo allows.
	Secrets []rule.SecretSpec `json:"secrets,omitempty"`
	// Engine is the program that does its work: pillion (the default), or for git-poller
	// git-sync, that of kubernetes/git-sync.
	Engine string `json:"engine,omitempty"`
	// Image is its image, if it is another than that of all helpers. With the engine
	// git-sync it is git-sync's own, registry.k8s.io/git-sync/git-sync:v4.7.1 unless set.
	Image string `json:"image,omitempty"`
	// PullPolicy is that of its image.
	PullPolicy corev1.PullPolicy `json:"pullPolicy,omitempty"`
	// ImagePullSecrets are Secrets for its registry, instead of those of all helpers.
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
	// Resources are its requests and limits of cpu and memory, all four of them; or what pods may
	// make of them by the options cpu and memory, which a helper has only where there is a max:
	// {memory: {default: 64Mi, max: 512Mi}}; or both.
	Resources *Resources `json:"resources,omitempty"`
	// RunAsUser is its user, if not that of all helpers. With the engine git-sync that is
	// 65533, the user that its image knows, unless all helpers run FromNamespace.
	RunAsUser ID `json:"runAsUser,omitempty"`
	// RunAsGroup is its group.
	RunAsGroup ID `json:"runAsGroup,omitempty"`
	// Proxy is the HTTP proxy through which git-poller reaches servers, in all pods. The
	// environment is not asked for one.
	Proxy *Proxy `json:"proxy,omitempty"`
	// ExtraCAs are certificate authorities that git-poller trusts in all pods, besides the
	// system's or those of the option ca-configmap.
	ExtraCAs *ExtraCAs `json:"extraCAs,omitempty"`
	// GitHubAPI is the URL of GitHub's API, such as https://github.acme.example/api/v3, for all
	// pods with auth github-app. Without it the API is that of the repository's host:
	// api.github.com for github.com, api.HOST for hosts of ghe.com, and HOST/api/v3 for others.
	GitHubAPI string `json:"githubAPI,omitempty"`
	// Privileges says which privileges beyond Pod Security's restricted the helper may have. One
	// that needs more than are allowed cannot be listed.
	Privileges *Privileges `json:"privileges,omitempty"`
	// VolumeSizeLimit bounds the volume that the helper fills. A pod that exceeds it
	// is evicted by the kubelet, so it is a last line of defence.
	VolumeSizeLimit string `json:"volumeSizeLimit,omitempty"`
}

// Privileges are those that a policy allows to a helper that its platform defined.
type Privileges struct {
	// Allow lists them: token, root, writable-root, capability:NAME.
	Allow []string `json:"allow"`
}

// Proxy is an HTTP proxy that a policy has for all pods.
type Proxy struct {
	// URL is its address, such as http://proxy.acme.example:3128, or one with https:// if the
	// proxy itself speaks TLS. The port is 80 or 443 unless set.
	URL string `json:"url"`
	// NoProxy lists what is reached without it: hosts, each with its subdomains; domains, as
	// .acme.example; addresses; and networks, as 10.0.0.0/8. A host or address can have a port.
	NoProxy []string `json:"noProxy,omitempty"`
	// SSH is whether ssh servers are reached through it as well. It then has to allow CONNECT to
	// their ports. The default is false.
	SSH bool `json:"ssh,omitempty"`
	// Secret names a Secret of type kubernetes.io/basic-auth with the proxy's username and
	// password. It has to exist in each namespace.
	Secret string `json:"secret,omitempty"`
}

// ExtraCAs are certificate authorities that a policy has for all pods.
type ExtraCAs struct {
	// ConfigMap names the ConfigMap whose key ca.crt holds them as PEM. It has to exist in each
	// namespace.
	ConfigMap string `json:"configMap"`
}

// DefaultName is the policy of namespaces that pick none.
const DefaultName = "default"

// DefaultImage is the image of all helpers unless a policy names another.
const DefaultImage = "ghcr.io/pillion-dev/pillion-helper:v0.1.0"

func setDefault[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

// Resources are those of a helper's containers: what they are, and what a pod may make of them.
type Resources struct {
	corev1.ResourceRequirements `json:",inline"`

	// CPU lets pods set the CPU of the helper within bounds, by its option cpu: that is the
	// limit, and no request is above it.
	CPU *Bounds `json:"cpu,omitempty"`
	// Memory lets pods set the memory of the helper within bounds, by its option memory: that is
	// the request and the limit, for what is not requested may not be there.
	Memory *Bounds `json:"memory,omitempty"`
}

// Bounds are those of an option that a helper has only where a policy says how much it may be.
type Bounds struct {
	// Default is what a pod gets that does not say. Without it that is what the helper has anyway.
	Default *rule.Text `json:"default,omitempty"`
	// Min is the minimum. Without it that is the request that the helper has anyway, or the
	// default if that is less: with less it might not run.
	Min *rule.Text `json:"min,omitempty"`
	// Max is the maximum. It is required.
	Max *rule.Text `json:"max"`
}
