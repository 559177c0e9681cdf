// SPDX-License-Identifier: Apache-2.0

package gitpoller

import (
	"path"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

const (
	knownHosts = "known_hosts"            // the key of a Secret for ssh that Kubernetes has no name for
	caFile     = helper.CADir + "/ca.crt" // named as in kube-root-ca.crt, and as trust-manager does by convention
)

// gitSecret mounts the Secret, into the helper only. Naming its keys makes the kubelet say
// which one is missing, before the helper starts; it also leaves out what the helper has
// no use for. A Secret for https may have no username.
func gitSecret(e *helper.Editor, r *helper.Request, c *corev1.Container) string {
	auth := authOf(r)
	c.Args = append(c.Args, "--auth="+auth, "--auth-dir="+helper.AuthDir)
	switch auth {
	case "ssh":
		return authVolume(e, r, c, corev1.SSHAuthPrivateKey, knownHosts)
	case gitHubApp:
		if api := e.Rules().Reach.GitHubAPI; api != "" {
			c.Args = append(c.Args, "--github-api="+api)
		}
		return authVolume(e, r, c, appKeys...)
	}
	return authVolume(e, r, c)
}

// authVolume mounts keys of the pod's own Secret, or all of them.
func authVolume(e *helper.Editor, r *helper.Request, c *corev1.Container, keys ...string) string {
	e.WarnReadable(r)
	return secretVolume(e, c, pod.ReservedPrefix+"auth-"+r.Name(), helper.AuthDir, r.Value("secret").Text, keys...)
}

// secretVolume mounts keys of a Secret, or all of them. The files belong to root and the
// helper is not root, so they have to be readable for others; an fsGroup instead would
// change the ownership of every volume of the pod.
func secretVolume(e *helper.Editor, c *corev1.Container, name, dir, secret string, keys ...string) string {
	source := &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: new(int32(0o444)), Optional: new(false)}
	for _, key := range keys {
		source.Items = append(source.Items, corev1.KeyToPath{Key: key, Path: key})
	}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: dir, ReadOnly: true})
	e.Volume(corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: source}})
	return name
}

// gitCA mounts the repository's own certificate authorities.
func gitCA(e *helper.Editor, r *helper.Request, c *corev1.Container) string {
	return authorities(e, c, pod.ReservedPrefix+"ca-"+r.Name(), helper.CADir, r.Value("ca-configmap").Text)
}

// authorities mounts a ConfigMap of certificate authorities.
func authorities(e *helper.Editor, c *corev1.Container, name, dir, configMap string) string {
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: dir, ReadOnly: true})
	e.Volume(corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: configMap},
		Items:                []corev1.KeyToPath{{Key: path.Base(caFile), Path: path.Base(caFile)}},
		DefaultMode:          new(int32(0o444)),
		Optional:             new(false),
	}}})
	return name
}
