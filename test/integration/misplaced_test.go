// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The API server has to send us what nobody reads, or the mistake stays silent.
func TestKeysWhereNobodyReadsThemAreWarnedOf(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"labels":{%s},"annotations":{%s}},"spec":{"containers":[{"name":"web","image":"i"}]}}`
	const service = `{"apiVersion":"v1","kind":"Service","metadata":{"name":%q,"labels":{%s},"annotations":{%s}},"spec":{"ports":[{"port":80}]}}`
	const deployment = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":%q,"labels":{%s}},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},` +
		`"template":{"metadata":{"labels":{"a":"b"},"annotations":{%s}},"spec":{"containers":[{"name":"web","image":"i"}]}}}}`
	const namespace = `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q,"labels":{%s},"annotations":{%s}}}`
	const in, repo = `"pillion.dev/inject":"true"`, `"git-poller.pillion.dev/repo":"https://github.com/acme/site.git"`
	for _, c := range []struct{ name, form, labels, annotations, want string }{
		{"a label of a pod", pod, in, "", "the label pillion.dev/inject does nothing; write it as an annotation, in metadata.annotations"},
		{"an opt-in that asks for nothing", pod, "", in, `inject "true" requests nothing by itself; request a helper, such as config-reloader.pillion.dev/watch`},
		{"a pod with keys of nobody", pod, `"a":"b"`, `"c":"d"`, ""},
		{"a label of a workload", deployment, in, "", "the label pillion.dev/inject does nothing; write it as an annotation, in spec.template.metadata.annotations"},
		{"a key without a slash in a template", deployment, "", `"git-poller.pillion.dev":"x"`, `policy default will deny the pods of this Deployment: git-poller.pillion.dev: names no option; write git-poller.pillion.dev/<option>, such as "git-poller.pillion.dev/repo"`},
		{"a Service", service, "", repo, "git-poller.pillion.dev/repo does nothing on a Service; annotations of Pillion belong on the pod template of a workload"},
		{"a Service of nobody", service, `"a":"b"`, "", ""},
		{"a Namespace", namespace, in, "", "the label pillion.dev/inject does nothing; did you mean pillion.dev/policy?"},
		{"a Namespace with a key without a slash", namespace, "", `"git-poller.pillion.dev":"x"`, "git-poller.pillion.dev does nothing on a Namespace; annotations of Pillion belong on the pod template of a workload"},
		{"a Namespace with the label that is read", namespace, `"pillion.dev/policy":"default"`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := strings.ReplaceAll(strings.ToLower(c.name), " ", "-")
			args := []string{"create", "--dry-run=server", "-f", "-"}
			if c.form != namespace {
				args = append(args, "-n", ns)
			}
			got := kubectl(t, fmt.Sprintf(c.form, name, c.labels, c.annotations), args...)
			got = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(got, "Warning: pillion:  ", ""), "Warning: pillion: ", ""))
			if diff := cmp.Diff(c.want, strings.Join(strings.Fields(got), " ")); diff != "" {
				t.Errorf("what kubectl says (-want +got):\n%s", diff)
			}
		})
	}
}

// A key without a slash asks for something, if wrongly: the pod is denied as it is for any
// other mistake, whether or not the webhook runs.
func TestAPodWithAKeyWithoutASlashIsDenied(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	_, _, err := plane.Kubectl(t.Context(), `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"git-poller.pillion.dev":"x"}},"spec":{"containers":[{"name":"web","image":"i"}]}}`, "create", "-n", ns, "-f", "-")
	if err == nil || !strings.Contains(err.Error(), "names no option; write git-poller.pillion.dev/<option>") {
		t.Errorf("the answer is %v", err)
	}
}

func TestKeysThatComeToARunningPodAreWarnedOf(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t, nil)
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"web","image":"i"}]}}`
	if got := kubectl(t, pod, "create", "-n", ns, "-f", "-"); got != "" {
		t.Errorf("kubectl says %s", got)
	}
	got := kubectl(t, "", "annotate", "pod", "web", "-n", ns, "git-poller.pillion.dev/repo=x")
	if !strings.Contains(got, "git-poller.pillion.dev/repo does nothing in a pod that exists") {
		t.Errorf("kubectl says %q", got)
	}
	if got := kubectl(t, "", "annotate", "pod", "web", "-n", ns, "other=x"); got != "" {
		t.Errorf("what was there before is said again: %q", got)
	}
}
