// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/test/chart/render"
)

// What is rejected here is rejected before anything in a cluster changes. The text is a part
// of what Helm 4 says; Helm 3 has to reject as well, in its own words.
func TestMistakesInValuesAreRejected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ values, want string }{
		"a value that does not exist":                      {`replica: 3`, `'replica' not allowed`},
		"one below another":                                {`image: {tagg: v1}`, `'tagg' not allowed`},
		"no replica":                                       {`replicas: 0`, `at '/replicas': minimum`},
		"a number in words":                                {`replicas: three`, `at '/replicas': got string, want integer`},
		"a digest that is none":                            {`image: {digest: abc}`, `at '/image/digest'`},
		"a pull policy that does not exist":                {`image: {pullPolicy: Sometimes}`, `at '/image/pullPolicy'`},
		"a pull secret without a name":                     {`imagePullSecrets: [acme]`, `at '/imagePullSecrets/0'`},
		"a namespace that cannot be":                       {`excludedNamespaces: [Kube-System]`, `at '/excludedNamespaces/0'`},
		"a failure policy that does not exist":             {`failurePolicy: fail`, `at '/failurePolicy': value must be one of 'Fail', 'Ignore'`},
		"a wait longer than an API server waits":           {`timeoutSeconds: 31`, `at '/timeoutSeconds'`},
		"a source of certificates that does not exist":     {`certificates: {source: vault}`, `at '/certificates/source'`},
		"a time without a unit":                            {`certificates: {duration: "90"}`, `at '/certificates/duration'`},
		"a CA that is no PEM":                              {`certificates: {source: secret, secretName: a, caBundle: TUlJ}`, `at '/certificates/caBundle'`},
		"a port that cannot be":                            {`port: 65536`, `at '/port'`},
		"a TLS version of the past":                        {`tlsMinVersion: "1.1"`, `at '/tlsMinVersion'`},
		"a TLS version that YAML takes for a number":       {`tlsMinVersion: 1.2`, `at '/tlsMinVersion'`},
		"a log format that does not exist":                 {`log: {format: xml}`, `at '/log/format'`},
		"the user root":                                    {`runAsUser: 0`, `at '/runAsUser'`},
		"resources that do not exist":                      {`resources: {limit: {memory: 1Gi}}`, `at '/resources'`},
		"a group that is no list":                          {`labelGuard: {groups: admins}`, `at '/labelGuard/groups'`},
		"a name that is too long":                          {`fullnameOverride: ` + strings.Repeat("a", 46), `at '/fullnameOverride'`},
		"a policy's name that is no label":                 {`policies: {Web: {helpers: {}}}`, `at '/policies': additional properties 'Web' not allowed`},
		"a policy that is a file":                          {`policies: {web: {kind: InjectionPolicy}}`, `at '/policies/web': additional properties 'kind' not allowed`},
		"a field of a policy that does not exist":          {`policies: {web: {enforce: Deny}}`, `'enforce' not allowed`},
		"a helper that does not exist":                     {`policies: {web: {helpers: {gitpoller: {}}}}`, `policies.web.helpers.gitpoller: there is no such helper; the helpers are config-reloader, date-writer, git-poller, ipc, start. One of your own is defined under helpers.gitpoller`},
		"a helper of one's own with a built-in one's name": {"helpers: {git-poller: " + shipper + "}", `helpers.git-poller: the name is taken by a built-in helper; choose another one`},
		"a helper whose name is no label":                  {"helpers: {Log: " + shipper + "}", `at '/helpers': additional properties 'Log' not allowed`},
		"a helper that is a file":                          {`helpers: {log: {kind: Helper}}`, `additional properties 'kind' not allowed`},
		"a field of a helper that does not exist":          {strings.Replace("helpers: {log-shipper: "+shipper+"}", "run:", "runs:", 1), `'runs' not allowed`},
		"a type of an option that does not exist":          {strings.Replace("helpers: {log-shipper: "+shipper+"}", "type: duration", "type: time", 1), `at '/helpers/log-shipper/options/1/type'`},
		"an option that does not exist":                    {`policies: {web: {helpers: {git-poller: {options: {perod: {min: 30s}}}}}}`, `'perod' not allowed`},
		"a rule that does not exist":                       {`policies: {web: {helpers: {git-poller: {options: {repo: {allows: ["https://a/*"]}}}}}}`, `'allows' not allowed`},
		"a time of a policy without a unit":                {`policies: {web: {helpers: {git-poller: {options: {period: {min: 30}}}}}}`, `at '/policies/web/helpers/git-poller/options/period/min': got number, want string`},
		"an enforcement that does not exist":               {`policies: {web: {enforcement: deny, helpers: {}}}`, `at '/policies/web/enforcement'`},
		"an issuer without a name":                         {`certificates: {source: issuer}`, `certificates.issuerRef.name: is empty; with certificates.source issuer it is the name of your issuer`},
		"a Secret without a name":                          {`certificates: {source: secret}`, `certificates.secretName: is empty; with certificates.source secret it is`},
		"a Secret whose CA nobody tells":                   {`certificates: {source: secret, secretName: a}`, `certificates.caBundle: is empty, so no API server would trust the webhook`},
		"a CA that would be fought over":                   {`certificates: {caBundle: "-----BEGIN CERTIFICATE-----"}`, `certificates.caBundle: is set, but with certificates.source cert-manager`},
		"an issuer that would not be asked":                {`certificates: {issuerRef: {name: company}}`, `certificates.issuerRef.name: is set, but with certificates.source cert-manager nobody asks it`},
		"a Secret that would not be read":                  {`certificates: {source: job, secretName: a}`, `certificates.secretName: is set, but with certificates.source job it is not read`},
		"a memory limit with a fraction":                   {`resources: {limits: {memory: 1.5Gi}}`, `resources.limits.memory: "1.5Gi" is not a whole number with one of the units`},
		"the kubelet's port on the node's network":         {"hostNetwork: true\nport: 10250", `port: 10250 is the kubelet's on the node's network`},
		"a name of objects that cannot be":                 {`fullnameOverride: Pillion`, `at '/fullnameOverride'`},
		"a label that YAML takes for a boolean":            {`nodeSelector: {acme.example/infra: true}`, `at '/nodeSelector/acme.example~1infra'`},
		"an annotation that YAML takes for a number":       {`podAnnotations: {acme.example/revision: 3}`, `at '/podAnnotations/acme.example~1revision'`},
		"a certificate that is renewed before it is made":  {`certificates: {duration: 720h}`, `certificates.renewBefore: 720h is not less than certificates.duration, which is 720h`},
		"a certificate that daily checks may miss":         {`certificates: {source: job, job: {validity: 719h}}`, `certificates.job.validity: 719h is less than 720h, which leaves time for runs that fail`},
		"one port for two":                                 {`healthPort: 8443`, `healthPort: 8443 is port too`},
		"a drain that ends before it has begun":            {`drain: {minSeconds: 10, maxSeconds: 5}`, `drain.maxSeconds: 5 is less than drain.minSeconds, which is 10`},
		"fewer replicas at most than at least":             {`autoscaling: {enabled: true, minReplicas: 7}`, `autoscaling.maxReplicas: 6 is less than autoscaling.minReplicas, which is 7`},
		"an image's name that cannot be":                   {`image: {repository: "https://ghcr.io/a"}`, `at '/image/repository'`},
		"a tag with a blank":                               {`image: {tag: "v1 "}`, `at '/image/tag'`},
		"an image of the helpers that cannot be":           {`helperImage: "Acme Helper"`, `at '/helperImage'`},
		"a registry with a scheme":                         {`imageRegistry: "https://registry.example"`, `at '/imageRegistry'`},
		"a label of all objects that is the chart's":       {`commonLabels: {app.kubernetes.io/name: mine}`, `commonLabels: app.kubernetes.io/name is set by the chart`},
		"a ServiceAccount of the user's without a name":    {`serviceAccount: {create: false}`, `serviceAccount.name: is empty`},
		"a match condition without an expression":          {`matchConditions: [{name: a}]`, `at '/matchConditions/0'`},
		"an IP family that does not exist":                 {`service: {ipFamilies: [IPv5]}`, `at '/service/ipFamilies/0'`},
		"an interval without a unit":                       {`monitoring: {podMonitor: {interval: "30"}}`, `at '/monitoring/podMonitor/interval'`},
		"a label of a pod that would change the selector":  {`podLabels: {app.kubernetes.io/name: mine}`, `podLabels: app.kubernetes.io/name is the selector's`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := parseValues(t, tt.values)
			_, err := render.Chart(root, values)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Helm 4 says %v, want %s", err, tt.want)
			}
			if _, err := underHelm3(t, values); err == nil {
				t.Error("Helm 3 takes it")
			}
		})
	}
}

// Helm puts these into the values of a chart that is a part of another.
func TestTheChartCanBeAPartOfAnother(t *testing.T) {
	t.Parallel()
	manifests(t, parseValues(t, "enabled: true\nglobal: {imageRegistry: registry.example}"))
}
