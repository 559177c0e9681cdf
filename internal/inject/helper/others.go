// SPDX-License-Identifier: Apache-2.0

package helper

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// keepOthers makes have equal to want where admission plugins and other webhooks set
// something on every container, and where the author of a pod could have had the same
// without our container: a stricter pull policy (AlwaysPullImages), the image of a registry
// mirror, the variables of a proxy, CPU and memory (VPA), storage (GKE Autopilot). docs/design/0027 says what an
// author gets by writing them into the pod.
func keepOthers(have, want map[string]any, required bool) {
	if have == nil {
		return
	}
	if image, ok := have["image"].(string); ok && isMirror(image, text(want["image"]), required) {
		have["image"] = want["image"]
	}
	if stricter(text(have["imagePullPolicy"]), text(want["imagePullPolicy"])) {
		have["imagePullPolicy"] = want["imagePullPolicy"]
	}
	keepProxies(have, want)
	for _, name := range computed {
		keepResized(have, want, name)
	}
}

// computed are the resources that others set on every container: LimitRanges, VPA, Autopilot.
var computed = []string{"cpu", "memory", "ephemeral-storage"}

// text is a JSON string; "" for anything else.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// isMirror reports whether an image has the repository path and the tag or digest of another,
// whatever its registry. A tag means what its registry says, so for a helper that a policy
// requires only a digest counts: the author of the pod could bring a program of his own.
func isMirror(have, want string, required bool) bool {
	h, w := imageOf(have), imageOf(want)
	if h.path != w.path {
		return false
	}
	if w.digest != "" {
		return h.digest == w.digest
	}
	return h.tag == w.tag && (h.registry == w.registry && h.digest == "" || !required)
}

// image is a reference taken apart.
type image struct{ registry, path, tag, digest string }

// imageOf takes a reference apart as container runtimes do (distribution/reference): what
// stands before the first slash is a registry if it has a dot or a colon, or is localhost.
func imageOf(reference string) (i image) {
	reference, i.digest, _ = strings.Cut(reference, "@")
	i.registry, i.path = "docker.io", reference
	if host, rest, found := strings.Cut(reference, "/"); found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		i.registry, i.path = host, rest
	}
	i.path, i.tag, _ = strings.Cut(i.path, ":")
	if i.tag == "" && i.digest == "" {
		i.tag = "latest"
	}
	if i.registry == "docker.io" && !strings.Contains(i.path, "/") {
		i.path = "library/" + i.path
	}
	return i
}

// stricter reports whether a pull policy asks the registry more often than another.
func stricter(have, want string) bool {
	order := []string{string(corev1.PullNever), string(corev1.PullIfNotPresent), string(corev1.PullAlways)}
	return slices.Index(order, have) > max(slices.Index(order, want), 0)
}

// proxyVariables are those that programs read to find their proxy.
var proxyVariables = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

// keepProxies drops from have's variables those of a proxy that want does not set, as long
// as they are plain values. One that want sets in either case is want's in both, since programs
// differ in which they read first; and where want sets a proxy, so are the exceptions to it.
func keepProxies(have, want map[string]any) {
	list, ok := have["env"].([]any)
	if !ok {
		return
	}
	wanted, _ := want["env"].([]any)
	sets := func(name string) bool {
		return slices.ContainsFunc(wanted, func(v any) bool {
			variable, _ := v.(map[string]any)
			set := text(variable["name"])
			return strings.EqualFold(set, name) || strings.EqualFold(name, "no_proxy") && slices.Contains(proxyVariables, set)
		})
	}
	list = slices.DeleteFunc(list, func(v any) bool {
		variable, _ := v.(map[string]any)
		name := text(variable["name"])
		_, plain := variable["value"].(string)
		return plain && len(variable) == 2 && slices.Contains(proxyVariables, name) && !sets(name)
	})
	if have["env"] = list; len(list) == 0 && len(wanted) == 0 {
		delete(have, "env")
	}
}

// keepResized makes have's request and limit of a resource equal to want's if it has both
// where want has them. A limit below what the policy requests is not kept: with it a helper
// that the policy requires would be there and could not run.
func keepResized(have, want map[string]any, name string) {
	h, w := resourcesOf(have), resourcesOf(want)
	floor, _ := quantity(w["requests"][name])
	for _, list := range []string{"requests", "limits"} {
		if _, set := w[list][name]; !set {
			continue
		}
		q, ok := quantity(h[list][name])
		if !ok || list == "limits" && q.Cmp(floor) < 0 {
			return
		}
	}
	for _, list := range []string{"requests", "limits"} {
		if value, set := w[list][name]; set {
			h[list][name] = value
		}
	}
}

// resourcesOf are a container's requests and limits.
func resourcesOf(container map[string]any) map[string]map[string]any {
	resources, _ := container["resources"].(map[string]any)
	lists := map[string]map[string]any{}
	for _, list := range []string{"requests", "limits"} {
		lists[list], _ = resources[list].(map[string]any)
	}
	return lists
}

// quantity reads an amount; ok is false unless it is greater than zero.
func quantity(value any) (q resource.Quantity, ok bool) {
	q, err := resource.ParseQuantity(text(value))
	return q, err == nil && q.Sign() > 0
}
