// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Certificates, programs and their like are the platform's to open, place by place.
func TestAPolicyOpensAPathThatIsClosed(t *testing.T) {
	t.Parallel()
	const denied = `metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "/etc/ssl/acme": ` +
		"lies in /etc/ssl, where a mount can break or undermine the container; choose another directory, such as /srv/site"
	const team = "; the platform team can change this in the policy, spec.helpers[git-poller].options[mount-path].allow"
	for _, tt := range []struct {
		name string
		rule rule.Spec
		path string
		want string
	}{
		{"without a rule", rule.Spec{}, "/etc/ssl/acme", denied + team},
		{"by a pattern for everything", rule.Spec{Allow: rule.Texts{"*"}}, "/etc/ssl/acme", denied + team},
		{"by a pattern for the directory above", rule.Spec{Allow: rule.Texts{"/etc/*"}}, "/etc/ssl/acme", denied + team},
		{"by a pattern for a place beside", rule.Spec{Allow: rule.Texts{"/etc/ssl/other/*"}}, "/etc/ssl/acme", denied + team},
		{"by name", rule.Spec{Allow: rule.Texts{"/etc/ssl/acme"}}, "/etc/ssl/acme", ""},
		{"by a pattern in the tree", rule.Spec{Allow: rule.Texts{"/etc/ssl/*"}}, "/etc/ssl/acme", ""},
		{"by a fixed value", rule.Spec{Fixed: text("/etc/ssl/acme")}, "/etc/ssl/acme", ""},
		{"by a fixed value that the pod does not repeat", rule.Spec{Fixed: text("/usr/lib/site")}, "", ""},
		{"by a default that the pod leaves alone", rule.Spec{Default: text("/usr/lib/site")}, "", ""},
		{"what breaks a container is opened by nothing", rule.Spec{Allow: rule.Texts{"/*"}}, "/proc/x", `metadata.annotations[git-poller.pillion.dev/mount-path]: Invalid value: "/proc/x": lies in /proc, where a mount can break or undermine the container; choose another directory, such as /srv/site`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := MakePod("web").Annotate(keyRepo, "https://github.com/acme/site")
			if tt.path != "" {
				pod = pod.Annotate(keyMountPath, tt.path)
			}
			p := withRule(t, testPolicy(), "git-poller", "mount-path", tt.rule)
			d := (Injector{}).Decide(pod.Obj(), p, nil)
			if diff := cmp.Diff(tt.want, d.Message()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", d.Result, diff)
			}
			if tt.want == "" && (d.Result != reason.Injected || len(d.Plan.Mounts) != 1) {
				t.Errorf("the decision is %s with the mounts %v", d.Result, d.Plan.Mounts)
			}
		})
	}
}
