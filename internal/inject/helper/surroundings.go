// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// What the rest of a pod does to a helper, said when the pod is made: nobody reads it later.

// WarnReadable warns of a Secret that other containers can read from the files and the memory
// of the helper's processes, as those of the same user can where processes are shared.
func (e *Editor) WarnReadable(r *Request) {
	if !e.SharesProcesses() {
		return
	}
	for i := range e.spec.Containers {
		c := &e.spec.Containers[i]
		if pod.Reserved(c.Name) {
			continue
		}
		if user := e.spec.UserOf(c); user != nil && *user != 0 && *user != e.rules.User() {
			continue
		}
		e.Warn(fmt.Sprintf("%.30s: processes are shared: containers of user %s, or of root, can read its Secret", r.Name(), userText(e.rules.User())))
		return
	}
}

func userText(user int64) string {
	if user == 0 {
		return "its own"
	}
	return fmt.Sprint(user)
}

// proxies are the containers in which service meshes run their proxies.
var proxies = []string{"istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane"}

// WarnMesh warns of a helper that needs the network before a mesh proxy runs that is an ordinary
// container: what mesh and helper wait for never comes. once says that the helper cannot do
// without waiting.
func (e *Editor) WarnMesh(r *Request, once bool) {
	instead := `set wait to "false"`
	if once {
		instead = "use mode poll"
	}
	for i := range e.spec.Containers {
		if name := e.spec.Containers[i].Name; slices.Contains(proxies, name) {
			e.Warn(fmt.Sprintf("%.30s: starts before %s, without which it may have no network; %s", r.Name(), name, instead))
			return
		}
	}
	for _, m := range pod.Meshes {
		native := func(key string) bool { return e.notes[key] == "true" }
		if slices.Contains(m.Values, e.notes[m.Key]) && !slices.ContainsFunc(m.Native, native) {
			e.Warn(fmt.Sprintf("%.30s: has no network if the mesh proxy is an ordinary container; %s", r.Name(), instead))
			return
		}
	}
}

// warnSurroundings warns of what a container of ours takes over from the pod.
func (e *Editor) warnSurroundings(r *Request, c *corev1.Container, hp corev1.ResourceRequirements) {
	if s := e.spec.SecurityContext; s != nil && s.AppArmorProfile != nil && s.AppArmorProfile.Type == string(corev1.AppArmorProfileTypeLocalhost) {
		name := ""
		if s.AppArmorProfile.LocalhostProfile != nil {
			name = *s.AppArmorProfile.LocalhostProfile
		}
		e.warnOnce(fmt.Sprintf("the pod's AppArmor profile %.40s holds for helpers as well; it must allow what they do", name))
	}
	if !e.guaranteed || c.RestartPolicy == nil || !pod.GuaranteedBy(corev1.ResourceRequirements{Limits: hp.Limits}) {
		return
	}
	if limit, request := hp.Limits.Cpu(), hp.Requests.Cpu(); limit.Cmp(*request) > 0 {
		e.Warn(fmt.Sprintf("%.30s: requests its limits, cpu %s and memory %s, since the pod is Guaranteed", r.Name(), limit, hp.Limits.Memory()))
	}
}

// warnOnce is [Editor.Warn] for what several helpers would say.
func (e *Editor) warnOnce(text string) {
	if !slices.Contains(e.warnings, "pillion: "+text) {
		e.Warn(text)
	}
}

// room is what a container of ours writes besides what its volumes hold: its log, above all.
const room = 64 << 20

// storage gives a container of ours a limit of ephemeral-storage that pays for its volumes on
// disk where containers of the app have such limits: the kubelet holds the sum of the limits
// against all that the pod has on disk. Elsewhere a limit would begin to bind the app. The
// request is the smallest of the app's, which a LimitRange of the namespace lets pass.
func (e *Editor) storage(r *Request, c *corev1.Container) {
	const name = corev1.ResourceEphemeralStorage
	request, limited := e.spec.StorageLimited()
	if _, has := c.Resources.Limits[name]; has || !limited {
		return
	}
	size := resource.NewQuantity(room, resource.BinarySI)
	fills := r.Helper.FillsVolume
	for i, at := range e.addedBy {
		if at == r && slices.Contains(e.disk, e.added[i]) && e.added[i] != NoTokenVolume {
			size.Add(e.sizes[e.added[i]])
			fills = false
		}
	}
	if fills { // a volume of the app
		size.Add(e.rules.VolumeSize)
	}
	c.Resources = *c.Resources.DeepCopy()
	if c.Resources.Limits == nil {
		c.Resources.Limits = corev1.ResourceList{}
	}
	if c.Resources.Requests == nil {
		c.Resources.Requests = corev1.ResourceList{}
	}
	if request.Cmp(*size) > 0 {
		request = *size
	}
	c.Resources.Limits[name], c.Resources.Requests[name] = asServed(*size), asServed(request)
}
