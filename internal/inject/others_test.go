// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// What an admission plugin or another webhook sets on our container after us, and what of it
// a second review keeps.
func TestWhatOthersSetOnOurContainer(t *testing.T) {
	t.Parallel()
	resources := func(c map[string]any, list string) map[string]any {
		return c["resources"].(map[string]any)[list].(map[string]any)
	}
	env := func(pairs ...string) func(c map[string]any) {
		return func(c map[string]any) {
			var list []any
			for i := 0; i < len(pairs); i += 2 {
				list = append(list, map[string]any{"name": pairs[i], "value": pairs[i+1]})
			}
			c["env"] = list
		}
	}
	image := func(name string) func(c map[string]any) { return func(c map[string]any) { c["image"] = name } }
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name string
		edit func(c map[string]any)
		kept bool
	}{
		{"AlwaysPullImages", func(c map[string]any) { c["imagePullPolicy"] = "Always" }, true},
		{"a laxer pull policy", func(c map[string]any) { c["imagePullPolicy"] = "Never" }, false},
		{"a pull policy that nobody knows", func(c map[string]any) { c["imagePullPolicy"] = "Sometimes" }, false},
		{"no pull policy", func(c map[string]any) { delete(c, "imagePullPolicy") }, false},
		{"a mirror of the registry", image("mirror.acme.example:5000/pillion-helper:v1"), true},
		{"a mirror's image with its digest", image("mirror.acme.example/pillion-helper:v1@" + digest), true},
		{"a mirror's image of another tag", image("mirror.acme.example/pillion-helper:v2"), false},
		{"a mirror's image without a tag", image("mirror.acme.example/pillion-helper"), false},
		{"a mirror's image by digest alone", image("mirror.acme.example/pillion-helper@" + digest), false},
		{"another repository of a mirror", image("mirror.acme.example/acme/pillion-helper:v1"), false},
		{"no image", image(""), false},
		{"a proxy", env("HTTP_PROXY", "http://proxy:3128", "HTTPS_PROXY", "http://proxy:3128", "NO_PROXY", "10.0.0.0/8"), true},
		{"a proxy in lower case", env("http_proxy", "http://proxy:3128", "https_proxy", "http://proxy:3128", "no_proxy", ".svc"), true},
		{"a proxy and another variable", env("HTTP_PROXY", "http://proxy:3128", "LD_PRELOAD", "/x.so"), false},
		{"a proxy in neither case", env("Http_Proxy", "http://proxy:3128"), false},
		{"a proxy from a Secret", func(c map[string]any) {
			c["env"] = []any{map[string]any{"name": "HTTP_PROXY", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "s", "key": "k"}}}}
		}, false},
		{"more of everything by VPA", func(c map[string]any) {
			resources(c, "requests")["cpu"], resources(c, "requests")["memory"] = "25m", "250Mi"
			resources(c, "limits")["cpu"], resources(c, "limits")["memory"] = "1250m", "2000Mi"
		}, true},
		{"lower requests by VPA", func(c map[string]any) { resources(c, "requests")["memory"] = "1Mi" }, true},
		{"a lower limit by VPA", func(c map[string]any) { resources(c, "limits")["memory"] = "64Mi" }, true},
		{"a limit in which the helper cannot run", func(c map[string]any) { resources(c, "limits")["memory"] = "1Mi" }, false},
		{"a limit of nothing, which is none", func(c map[string]any) { resources(c, "limits")["memory"] = "0" }, false},
		{"no limit", func(c map[string]any) { delete(resources(c, "limits"), "memory") }, false},
		{"no request", func(c map[string]any) { delete(resources(c, "requests"), "cpu") }, false},
		{"storage by a LimitRange", func(c map[string]any) {
			resources(c, "requests")["ephemeral-storage"], resources(c, "limits")["ephemeral-storage"] = "1Gi", "2Gi"
		}, true},
		{"a GPU", func(c map[string]any) { resources(c, "limits")["nvidia.com/gpu"] = "1" }, false},
		{"huge pages", func(c map[string]any) { resources(c, "limits")["hugepages-2Mi"] = "2Mi" }, false},
		{"a hook", func(c map[string]any) { c["lifecycle"] = map[string]any{"postStart": map[string]any{}} }, false},
		{"another program", func(c map[string]any) { c["command"] = []string{"/bin/sh"} }, false},
		{"another user", func(c map[string]any) { c["securityContext"].(map[string]any)["runAsUser"] = 1000 }, false},
		{"a pull policy and another program", func(c map[string]any) { c["imagePullPolicy"], c["command"] = "Always", []string{"/bin/sh"} }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			injected := MakePod("web").Git().Obj()
			injected = patched(t, injected, &[]Decision{decide(injected)}[0].Plan)
			injected.Spec.InitContainers[0].Raw = json.RawMessage(edited(t, tt.edit))
			again := decide(injected)
			if kept := again.Result == reason.Unchanged; kept != tt.kept || again.Result == reason.Denied {
				t.Errorf("a second review says %s and renews %v: %s", again.Result, again.Plan.Renewed(), again.Message())
			}
		})
	}
}

// Where a policy requires the helper, an image by tag in another registry could be any
// program, and the requirement void.
func TestAMirrorOfARequiredHelperNeedsADigest(t *testing.T) {
	t.Parallel()
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name, policy, pod string
		want              []string
	}{
		{"by tag", "registry.example/pillion-helper:v1", "mirror.example/pillion-helper:v1", []string{"pillion-date-writer"}},
		{"by tag, with a digest that the policy does not name", "registry.example/pillion-helper:v1", "registry.example/pillion-helper:v1" + digest, []string{"pillion-date-writer"}},
		{"by digest", "registry.example/pillion-helper:v1" + digest, "mirror.example/pillion-helper:v1" + digest, nil},
		{"by digest, without the tag", "registry.example/pillion-helper:v1" + digest, "mirror.example/pillion-helper" + digest, nil},
		{"by another digest", "registry.example/pillion-helper:v1" + digest, "mirror.example/pillion-helper:v1@sha256:00", []string{"pillion-date-writer"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy()
			h := builtin.Find("date-writer")
			p.Helpers[h.Name].Image = tt.policy
			p.Require = []*helper.Addition{{Helper: h, Required: true, Values: map[string]option.Value{helper.MountPath: {Text: "/srv/date"}}}}
			injected := MakePod("web").Obj()
			first := Injector{}.Decide(injected, p, nil)
			injected = patched(t, injected, &first.Plan)
			var c map[string]any
			decode(t, injected.Spec.InitContainers[0].Raw, &c)
			c["image"] = tt.pod
			injected.Spec.InitContainers[0].Raw = encode(t, c)
			again := Injector{}.Decide(injected, p, nil)
			if diff := cmp.Diff(tt.want, again.Plan.Renewed()); diff != "" {
				t.Errorf("renewed (-want +got):\n%s", diff)
			}
		})
	}
}

// Where the policy says through which proxy a helper goes, nobody leads it around that.
func TestTheProxyOfThePolicyIsNotLedAround(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, variable string
		kept           bool
	}{
		{"an exception", "no_proxy", false},
		{"an exception in upper case", "NO_PROXY", false},
		{"the proxy again in upper case, which some programs read first", "HTTPS_PROXY", false},
		{"a proxy for what the policy has none for", "HTTP_PROXY", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := gitSyncPolicy()
			p.Helpers["git-poller"].Reach.Proxy = &rule.Proxy{URL: "http://proxy.acme.example:3128"}
			injected := MakePod("web").Git().Obj()
			injected = patched(t, injected, &[]Decision{Injector{}.Decide(injected, p, nil)}[0].Plan)
			var c map[string]any
			decode(t, injected.Spec.InitContainers[0].Raw, &c)
			c["env"] = append(c["env"].([]any), map[string]any{"name": tt.variable, "value": "github.com"})
			injected.Spec.InitContainers[0].Raw = encode(t, c)
			again := Injector{}.Decide(injected, p, nil)
			if kept := len(again.Plan.Renewed()) == 0; kept != tt.kept || again.Result == reason.Denied {
				t.Errorf("a second review says %s and renews %v: %s", again.Result, again.Plan.Renewed(), again.Message())
			}
		})
	}
}
