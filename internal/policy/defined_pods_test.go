// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// together is a policy that lists helpers that are all shippers, each with its own name and changes.
func together(t *testing.T, helpers map[string][]string) *inject.Policy {
	t.Helper()
	var files []File
	lines := []string{"helpers:"}
	for name, pairs := range helpers {
		definition := strings.Replace(shipper, "{name: log-shipper}\nspec", "{name: "+name+"}\nspec", 1)
		for i := 0; i < len(pairs); i += 2 {
			definition = strings.ReplaceAll(definition, pairs[i], pairs[i+1])
		}
		files, lines = append(files, File{Name: name, Data: []byte(definition)}), append(lines, "  '"+name+"':")
	}
	policies, errs := Load(append(files, File{Name: "web.yaml", Data: []byte(file(lines...))}))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return policies["web"]
}

func TestDefinedHelpersAndWhatTheyMeetInAPod(t *testing.T) {
	t.Parallel()
	asks := func(keys ...string) string {
		var pairs []string
		for _, key := range keys {
			prefix, at, _ := strings.Cut(key, "=")
			pairs = append(pairs, fmt.Sprintf("%q:%q", prefix+".pillion.dev/mount-path", at))
		}
		return `{"metadata":{"annotations":{` + strings.Join(pairs, ",") + `}},"spec":{"containers":[{"name":"web"%s}]%s}}`
	}
	for _, tt := range []struct {
		name    string
		helpers map[string][]string
		pod     string
		want    string
	}{
		{
			"two that fill one path",
			map[string][]string{"a": {"2021", "2022"}, "b": nil},
			fmt.Sprintf(asks("a=/var/log", "b=/var/log"), "", ""),
			`metadata.annotations[b.pillion.dev/mount-path]: Invalid value: "/var/log": container "web" gets its content from a at /var/log already; give each helper a directory of its own`,
		},
		{
			"two that give the app another value of one variable",
			map[string][]string{"a": {"2021", "2022"}, "b": nil},
			fmt.Sprintf(asks("a=/var/a", "b=/var/b"), "", ""),
			`metadata.annotations[b.pillion.dev/mount-path]: Invalid value: "b": sets the variable LOG_DIR of container "web" to "/var/b", and a sets it to "/var/a"; ask for one of the two`,
		},
		{
			"two that give the app the same value",
			map[string][]string{"a": {"2021", "2022", "name: LOG_DIR, option: mount-path", `name: LOG_DIR, value: "1"`}, "b": {"name: LOG_DIR, option: mount-path", `name: LOG_DIR, value: "1"`}},
			fmt.Sprintf(asks("a=/var/a", "b=/var/b"), "", ""), ``,
		},
		{
			"a variable of the app from elsewhere",
			map[string][]string{"a": nil},
			fmt.Sprintf(asks("a=/var/a"), `,"env":[{"name":"LOG_DIR","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]`, ""),
			`metadata.annotations[a.pillion.dev/mount-path]: Invalid value: "a": sets the variable LOG_DIR to "/var/a", and container "web" sets it to a value from elsewhere (valueFrom); remove one of the two`,
		},
		{
			"an instance whose volume would be the one in place of the token",
			map[string][]string{"no": nil},
			fmt.Sprintf(asks("token.no=/var/a"), "", ""),
			`metadata.annotations[token.no.pillion.dev/mount-path]: Invalid value: "no-token": has a volume "pillion-no-token", which helpers have in place of the ServiceAccount token; rename the instance`,
		},
		{
			"an instance that has the name of another helper",
			map[string][]string{"a": nil, "a-b": {"2021", "2022"}},
			fmt.Sprintf(asks("b.a=/var/a", "a-b=/var/b"), "", ""),
			`has a volume "pillion-conf-a-b", as helper a with the instance "b" has; rename the instance`,
		},
		{"the volume at a further path, read-only", map[string][]string{"a": nil}, fmt.Sprintf(asks("a=/var/a"), `,"volumeMounts":[{"name":"pillion-a","mountPath":"/other","readOnly":true}]`, ""), ``},
		{
			"the volume at a further path, to write",
			map[string][]string{"a": nil},
			fmt.Sprintf(asks("a=/var/a"), `,"volumeMounts":[{"name":"pillion-a","mountPath":"/other"}]`, ""),
			`spec.containers[0].volumeMounts[0].name: Invalid value: "pillion-a": is the content of a helper, which an app can mount at a further path read-only; set readOnly: true`,
		},
		{
			"a volume of the app that no helper can share",
			map[string][]string{"a": nil},
			fmt.Sprintf(asks("a=/var/a"), `,"volumeMounts":[{"name":"data","mountPath":"/var/a"}]`, `,"volumes":[{"name":"data","configMap":{"name":"x"}}]`),
			`metadata.annotations[a.pillion.dev/mount-path]: Invalid value: "/var/a": container "web" mounts the volume "data" (configMap) there; choose another path, or make that volume an emptyDir to share it`,
		},
		{
			"a grace period that is shorter than the helper waits before it stops",
			map[string][]string{"a": {"    ports:", "    preStop: {sleep: {seconds: 15}}\n    ports:"}},
			fmt.Sprintf(asks("a=/var/a"), "", `,"terminationGracePeriodSeconds":10`),
			`spec.terminationGracePeriodSeconds: Invalid value: 10: a waits 15 seconds before it stops, so the pod needs as many at least; set it to 15 or more`,
		},
		{"the usual grace period", map[string][]string{"a": {"    ports:", "    preStop: {sleep: {seconds: 30}}\n    ports:"}}, fmt.Sprintf(asks("a=/var/a"), "", ""), ``},
		{
			"the port of the app",
			map[string][]string{"a": nil},
			fmt.Sprintf(asks("a=/var/a"), `,"ports":[{"containerPort":2021}]`, ""),
			`metadata.annotations[a.pillion.dev/mount-path]: Invalid value: "2021": container "web" has this port already; choose another`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			of, err := pod.Decode([]byte(tt.pod))
			if err != nil {
				t.Fatal(err)
			}
			got := inject.Injector{}.Decide(of, together(t, tt.helpers), nil).Message()
			if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("answer (-want +got):\n%s", cmp.Diff(tt.want, got))
			}
		})
	}
}

// The grace period is the pod's, so a helper that needs more can only say so.
func TestAGracePeriodThatIsTooShortForAHelper(t *testing.T) {
	t.Parallel()
	named := strings.Repeat("i", 30)
	for _, tt := range []struct {
		name, helper, needs, pod string
		want                     []string
	}{
		{"a name that takes the line", named + ".a", "gracePeriodSeconds: 3600", `,"terminationGracePeriodSeconds":3599`, []string{"pillion: a-" + named[:26] + " takes up to 3600 seconds to stop; the pod's terminationGracePeriodSeconds is 3599"}},
		{"as long as the helper takes", "a", "gracePeriodSeconds: 45", `,"terminationGracePeriodSeconds":45`, nil},
		{"one second less", "a", "gracePeriodSeconds: 45", `,"terminationGracePeriodSeconds":44`, []string{"pillion: a takes up to 45 seconds to stop; the pod's terminationGracePeriodSeconds is 44"}},
		{"the usual one", "a", "gracePeriodSeconds: 30", "", nil},
		{"less than the usual one", "a", "gracePeriodSeconds: 31", "", []string{"pillion: a takes up to 31 seconds to stop; the pod's terminationGracePeriodSeconds is 30"}},
		{"none at all", "a", "gracePeriodSeconds: 3600", `,"terminationGracePeriodSeconds":0`, []string{"pillion: a takes up to 3600 seconds to stop; the pod's terminationGracePeriodSeconds is 0"}},
		{"nothing is said of it", "a", "terminationMessagePolicy: File", `,"terminationGracePeriodSeconds":0`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			of, err := pod.Decode(fmt.Appendf(nil, `{"metadata":{"annotations":{"%s.pillion.dev/mount-path":"/logs"}},"spec":{"containers":[{"name":"web"}]%s}}`, tt.helper, tt.pod))
			if err != nil {
				t.Fatal(err)
			}
			d := inject.Injector{}.Decide(of, together(t, map[string][]string{"a": {"    ports:", "    " + tt.needs + "\n    ports:"}}), nil)
			if slices.ContainsFunc(d.Warnings, func(w string) bool { return len(w) > 120 }) {
				t.Errorf("a warning is too long: %q", d.Warnings)
			}
			if diff := cmp.Diff(tt.want, d.Warnings); diff != "" || d.Result != reason.Injected {
				t.Errorf("%s, warnings (-want +got):\n%s", d.Result, diff)
			}
		})
	}
}
