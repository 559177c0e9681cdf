// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAUserIsANumberOrTheNamespaces(t *testing.T) {
	t.Parallel()
	wrong := func(where, value string) []string {
		return []string{where + `: Invalid value: "` + value + `": must be a number from 1 to 2147483647, or FromNamespace, which leaves it to the platform that assigns users in the namespace`}
	}
	root := func(where string) []string {
		return []string{where + `: Invalid value: "0": is root; helpers never run as root; write a number from 1 on, or FromNamespace`}
	}
	const user, group = "spec.runAsUser", "spec.runAsGroup"
	testParse(t, []parseTest{
		{"a number", file("runAsUser: 1000"), nil},
		{"a number in quotes", file("runAsUser: '1000'"), nil},
		{"the largest number", file("runAsUser: 2147483647"), nil},
		{"the namespace's", file("runAsUser: FromNamespace"), nil},
		{"root", file("runAsUser: 0"), root(user)},
		{"the group of root", file("runAsGroup: 0"), root(group)},
		{"a number that is too large", file("runAsUser: 2147483648"), wrong(user, "2147483648")},
		{"a negative number", file("runAsUser: -1"), wrong(user, "-1")},
		{"a fraction", file("runAsGroup: 1.5"), wrong(group, "1.5")},
		{"a number with a sign", file("runAsUser: '+5'"), wrong(user, "+5")},
		{"a number with a nought in front", file("runAsUser: '05'"), wrong(user, "05")},
		{"a name", file("runAsUser: nonroot"), wrong(user, "nonroot")},
		{"other letters", file("runAsUser: fromNamespace"), wrong(user, "fromNamespace")},
		{"a boolean", file("runAsUser: true"), []string{`spec.runAsUser: Invalid value: "true": must be a number from 1 to 2147483647, or FromNamespace, which leaves it to the platform that assigns users in the namespace`}},
		{"nothing behind it", file("runAsUser:"), []string{"line 6: spec.runAsUser: is empty; write a value, or remove it"}},
		{"the root of one helper", gitPoller("runAsUser: 0"), root("spec.helpers[git-poller].runAsUser")},
		{"the group of one helper", gitPoller("runAsGroup: users"), wrong("spec.helpers[git-poller].runAsGroup", "users")},
	})
}

func TestAHelperRunsAsThePolicysUserOrItsOwn(t *testing.T) {
	t.Parallel()
	n := func(id int64) *int64 { return &id }
	for _, tt := range []struct {
		name        string
		policy      []string
		helper      string
		user, group *int64
	}{
		{"nothing is said", nil, "{}", n(65532), n(65532)},
		{"a user of the policy", []string{"runAsUser: 1000"}, "{}", n(1000), n(65532)},
		{"a group of the policy", []string{"runAsGroup: 2000"}, "{}", n(65532), n(2000)},
		{"the namespace's user has its group", []string{"runAsUser: FromNamespace"}, "{}", nil, nil},
		{"the namespace's user in a group", []string{"runAsUser: FromNamespace", "runAsGroup: 2000"}, "{}", nil, n(2000)},
		{"the namespace's group", []string{"runAsGroup: FromNamespace"}, "{}", n(65532), nil},
		{"a user of the helper", []string{"runAsUser: FromNamespace"}, "{runAsUser: 3000}", n(3000), n(65532)},
		{"a user of the helper and the policy's group", []string{"runAsGroup: 2000"}, "{runAsUser: 3000, runAsGroup: 2000}", n(3000), n(2000)},
		{"a group of the helper", []string{"runAsUser: 1000", "runAsGroup: 2000"}, "{runAsGroup: 4000}", n(1000), n(4000)},
		{"one helper has the namespace's", []string{"runAsUser: 1000"}, "{runAsUser: FromNamespace}", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := mustParse(t, file(append([]string{"helpers:", "  git-poller: " + tt.helper}, tt.policy...)...))
			hp := p.Helpers["git-poller"]
			if diff := cmp.Diff([]*int64{tt.user, tt.group}, []*int64{hp.RunAsUser, hp.RunAsGroup}); diff != "" {
				t.Errorf("user and group (-want +got):\n%s", diff)
			}
		})
	}
}
