// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// A policy can switch metrics on for every pod. No pod is denied for a port that nobody chose.
func TestAPortThatIsADefaultGivesWay(t *testing.T) {
	t.Parallel()
	const port, docs = "git-poller.pillion.dev/metrics-port", "docs.git-poller.pillion.dev/"
	second := []string{docs + "repo", "https://github.com/acme/docs", docs + "mount-path", "/docs"}
	by := func(value string) rule.Spec { return rule.Spec{Default: new(rule.Text(value))} }
	for _, tt := range []struct {
		name        string
		annotations []string
		app         int32 // a port of the app; 0 for none
		host        bool  // the node's network
		rule        rule.Spec
		want        map[string]string // by container
		warnings    []string
		sentences   []string
	}{
		{"one", nil, 0, false, by("9102"), map[string]string{"pillion-git-poller": "127.0.0.1:9102"}, nil, nil},
		{"two", second, 0, false, by("9102"), map[string]string{"pillion-git-poller": "127.0.0.1:9102", "pillion-git-poller-docs": "127.0.0.1:9103"}, nil, nil},
		{"two, of which the second chooses the default", append([]string{docs + "metrics-port", "9102"}, second...), 0, false, by("9102"), map[string]string{"pillion-git-poller": "127.0.0.1:9103", "pillion-git-poller-docs": "127.0.0.1:9102"}, nil, nil},
		{"beside an app that has it", nil, 9102, false, by("9102"), map[string]string{"pillion-git-poller": "127.0.0.1:9103"}, nil, nil},
		{"on the node's network", nil, 0, true, by("9102"), map[string]string{}, []string{"pillion: git-poller: without metrics-port, since the pod uses the node's network"}, nil},
		{"no more ports", nil, 65535, false, by("65535"), nil, nil, []string{`metadata.annotations[` + port + `]: Invalid value: "65535": container "web" has this port already; choose another`}},
		{"one that the pod chooses does not give way", []string{port, "9102"}, 9102, false, by("9102"), nil, nil, []string{wrong(port, "9102", `container "web" has this port already; choose another`)}},
		{"one that is fixed does not give way", nil, 9102, false, rule.Spec{Fixed: new(rule.Text("9102"))}, nil, nil, []string{`policy "web": spec.helpers[git-poller].options[metrics-port].fixed: Invalid value: "9102": container "web" has this port already; choose another`}},
		{"mode once serves none", []string{keyMode, "once"}, 0, false, by("9102"), map[string]string{}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := withRule(t, testPolicy(), "git-poller", "metrics-port", tt.rule)
			p.HostNetwork = true
			of := MakePod("web").Git(tt.annotations...).Obj()
			of.Spec.HostNetwork = tt.host
			if tt.app != 0 {
				of.Spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: tt.app}}
			}
			d := Injector{}.Decide(of, p, nil)
			if diff := cmp.Diff(tt.sentences, sentences(d)); diff != "" {
				t.Fatalf("sentences (-want +got):\n%s", diff)
			}
			if tt.sentences != nil {
				return
			}
			got := map[string]string{}
			for i := range d.Plan.Containers {
				c := &d.Plan.Containers[i].Container
				for _, arg := range c.Args {
					if at, found := strings.CutPrefix(arg, "--metrics-listen="); found {
						got[c.Name] = at
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
