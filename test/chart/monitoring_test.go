// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/metrics"
	guards "k8s.io/apiserver/pkg/admission/plugin/policy/validating/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/server"
)

// series are the names of all series that the webhook and an API server have, once each has
// happened.
func series(t *testing.T) map[string]bool {
	t.Helper()
	ours := server.NewMetrics("v0")
	ours.Observe("default", "Denied", "InvalidValue", time.Millisecond)
	ours.Policy("default", "0123")
	ours.CountNamespaces(1)
	ours.ObserveDenied("shop", "InvalidValue")
	ours.ObserveWarn("default", "Denied", "InvalidValue", time.Millisecond)
	answer := httptest.NewRecorder()
	ours.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	names := map[string]bool{}
	for line := range strings.Lines(answer.Body.String()) {
		if name := regexp.MustCompile(`^[a-z_]+`).FindString(line); name != "" {
			names[name] = true
		}
	}

	// By kube-state-metrics, by Prometheus itself, and by the git-poller, whose tests have them.
	for _, name := range []string{
		"up", "kube_deployment_status_condition", "kube_pod_container_status_waiting_reason",
		"pillion_git_last_success_timestamp_seconds", "pillion_git_period_seconds", "pillion_git_polls_total", "pillion_git_sync_duration_seconds_bucket",
	} {
		names[name] = true
	}

	ctx := t.Context()
	attributes := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "", "", schema.GroupVersionResource{}, "", admission.Create, nil, false, nil)
	metrics.Metrics.ObserveWebhook(ctx, "inject.pillion.dev", time.Second, false, attributes, "admit", 200)
	metrics.Metrics.ObserveWebhookRejection(ctx, "inject.pillion.dev", "admit", "CREATE", metrics.WebhookRejectionCallingWebhookError, 0)
	guards.Metrics.ObserveRejection(ctx, time.Second, "a", "b", guards.ValidationNoError)
	metrics.Metrics.ObserveWebhookFailOpen(ctx, "inject.pillion.dev", "admit")
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
			names[f.GetName()+suffix] = true
		}
	}
	return names
}

// expressions are those of the alerts and of the dashboard, by where they are.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, rule := range rules(t, nil) {
		out["alert "+rule.Alert] = rule.Expr.StrVal
	}
	text, err := os.ReadFile(root + "/charts/pillion/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			out["panel "+p.Title+": "+target.Expr] = strings.NewReplacer("$__rate_interval", "5m", "$namespace", "pillion-system").Replace(target.Expr)
		}
	}
	return out
}

// rules are the alerts, with more values than those that render them.
func rules(t *testing.T, values map[string]any) []monitoringv1.Rule {
	t.Helper()
	all := parseValues(t, `monitoring: {prometheusRule: {enabled: true}}`)
	maps.Copy(all, values)
	rule := ofKind[monitoringv1.PrometheusRule](t, objects(t, all), "PrometheusRule")
	if len(rule) != 1 || len(rule[0].Spec.Groups) != 1 {
		t.Fatalf("%d PrometheusRules", len(rule))
	}
	return rule[0].Spec.Groups[0].Rules
}

// An alert about a series that does not exist never fires.
func TestExpressionsAreAboutWhatThereIs(t *testing.T) {
	t.Parallel()
	known := series(t)
	values := map[string][]string{"result": {}, "reason": {}}
	for _, r := range reason.All() {
		values["result"] = append(values["result"], string(r.Result))
		values["reason"] = append(values["reason"], string(r.Reason))
	}
	found := expressions(t)
	if len(found) < 15 {
		t.Fatalf("only %d expressions", len(found))
	}
	for where, text := range found {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v\n%s", where, err, text)
			continue
		}
		for _, selector := range parser.ExtractSelectors(expr) {
			reviews := slices.ContainsFunc(selector, func(m *labels.Matcher) bool {
				return m.Name == model.MetricNameLabel && strings.HasSuffix(m.Value, "_requests_total")
			})
			for _, m := range selector {
				switch candidates, closed := values[m.Name]; {
				case m.Name == model.MetricNameLabel && !known[m.Value]:
					t.Errorf("%s: there is no series %s", where, m.Value)
				case closed && reviews && !slices.ContainsFunc(candidates, m.Matches):
					t.Errorf("%s: no %s is %s", where, m.Name, m.Value)
				}
			}
		}
	}
}

// The names of entries are matched by a pattern.
func TestThePatternOfEntriesMatchesThem(t *testing.T) {
	t.Parallel()
	pattern := labels.MustNewMatcher(labels.MatchRegexp, "name", "(.+[.])?inject[.]pillion[.]dev")
	for where, text := range expressions(t) {
		if strings.Contains(text, "apiserver_admission_webhook") && !strings.Contains(text, pattern.Value) {
			t.Errorf("%s has another pattern: %s", where, text)
		}
	}
	for name, values := range cases(t) {
		entries, workloads, namespaces := entriesOf(t, objects(t, values))
		for _, e := range entries {
			if !pattern.Matches(e.name) {
				t.Errorf("%s: %s is not matched", name, e.name)
			}
		}
		for _, e := range append(workloads, namespaces...) {
			if pattern.Matches(e.name) {
				t.Errorf("%s: %s, which rejects nothing, is matched", name, e.name)
			}
		}
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile(root + "/docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules(t, nil) {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		for _, a := range []string{"summary", "description"} {
			if !strings.HasSuffix(r.Annotations[a], ".") {
				t.Errorf("%s: %s is %q, which is no sentence", r.Alert, a, r.Annotations[a])
			}
		}
		if want := "docs/runbook.md#" + strings.ToLower(r.Alert); !strings.HasSuffix(r.Annotations["runbook_url"], want) {
			t.Errorf("%s: the runbook is %s, want …%s", r.Alert, r.Annotations["runbook_url"], want)
		}
		if !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
			t.Errorf("docs/runbook.md has no section %s", r.Alert)
		}
	}
}

// An alert on a certificate that is renewed as it should be is one that people learn to ignore.
func TestTheAlertOnExpiryLeavesTimeToRenew(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{certificates: {}}`: "0.1666, 1296000", // 15 of 90 days, and of what is issued for longer
		`{certificates: {duration: 24h, renewBefore: 8h}}`:                                  "0.1666, 14400",
		`{certificates: {duration: 1000h, renewBefore: 100h}}`:                              "0.0500, 180000",
		`{certificates: {duration: 1000h, renewBefore: 900h}}`:                              "0.1666, 1620000",
		`{certificates: {source: issuer, issuerRef: {name: a}}}`:                            "0.1666, 1296000",
		`{certificates: {source: job, renewBefore: 8h}}`:                                    "0.1666, 1296000",
		`{certificates: {source: job, job: {validity: 720h}}}`:                              "0.1666, 432000",
		`{certificates: {source: secret, secretName: a, configurationAnnotations: {a: b}}}`: "0.1666, 1209600",
	} {
		for _, r := range rules(t, parseValues(t, source)) {
			if r.Alert != "PillionCertificateExpires" {
				continue
			}
			if got := strings.Join(regexp.MustCompile(`0\.\d{4}|\d{5,}`).FindAllString(r.Expr.StrVal, -1), ", "); got != want {
				t.Errorf("%s: %s, want the part and the seconds %s", source, r.Expr.StrVal, want)
			}
		}
	}
}

// A policy with defaults for metrics-port and metrics-address, and monitoring.helpers: the PodMonitor
// scrapes each git-poller of a pod, at the port that it listens at, and nothing of the app.
func TestThePodMonitorFindsTheHelpersOfAPolicyWithMetrics(t *testing.T) {
	t.Parallel()
	var endpoint monitoringv1.PodMetricsEndpoint
	for _, m := range ofKind[monitoringv1.PodMonitor](t, objects(t, parseValues(t, `monitoring: {helpers: {enabled: true}}`)), "PodMonitor") {
		endpoint = m.Spec.PodMetricsEndpoints[0]
	}
	if endpoint.Port == nil || len(endpoint.RelabelConfigs) == 0 || endpoint.RelabelConfigs[0].Action != "keep" {
		t.Fatalf("the endpoint is %+v", endpoint)
	}
	kept := labels.MustNewMatcher(labels.MatchRegexp, "container", endpoint.RelabelConfigs[0].Regex)
	text, err := os.ReadFile(root + "/internal/admission/testdata/git-poller-metrics-for-all/want.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	scraped := map[string]int32{}
	for _, c := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		for _, p := range c.Ports {
			if p.Name == *endpoint.Port && kept.Matches(c.Name) {
				scraped[c.Name] = p.ContainerPort
			}
		}
	}
	want := map[string]int32{"pillion-git-poller": 9102, "pillion-git-poller-chosen": 9103, "pillion-git-poller-docs": 9105}
	if !maps.Equal(scraped, want) {
		t.Errorf("it scrapes %v, want %v", scraped, want)
	}
}
