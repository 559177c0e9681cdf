// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"math"
	"slices"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
)

// backoff are the times at which a controller creates a pod that is denied each time, from
// begin until end: 5 ms · 2ⁿ apart, and at most 1,000 s.
func backoff(begin, end time.Duration) []time.Duration {
	var at []time.Duration
	for next, wait := begin, 5*time.Millisecond; next < end; wait = min(2*wait, 1000*time.Second) {
		at = append(at, next)
		next += wait
	}
	return at
}

// counts is a counter of events. If it begins at 0 it is there from the start, else with the
// first event, as those of API servers.
func counts(events []time.Duration, beginsAtZero bool) func(time.Duration) (float64, bool) {
	return func(at time.Duration) (float64, bool) {
		n, _ := slices.BinarySearchFunc(events, at, func(e, at time.Duration) int { return int(e - at) })
		return float64(n), beginsAtZero || n > 0
	}
}

func constant(value float64) func(time.Duration) (float64, bool) {
	return func(time.Duration) (float64, bool) { return value, true }
}

// span is a time in which an alert fires.
type span struct{ from, to time.Duration }

// firing are the times in which an alert fires, evaluated at each scrape by Prometheus' engine.
// As in Prometheus, an alert fires when its expression has had a result for the time "for",
// and no longer when it has none.
func firing(t *testing.T, alert monitoringv1.Rule, h history, end time.Duration) []span {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Hour, EnableAtModifier: true, EnableNegativeOffset: true})
	var hold time.Duration
	if alert.For != nil {
		parsed, err := model.ParseDuration(string(*alert.For))
		if err != nil {
			t.Fatal(err)
		}
		hold = time.Duration(parsed)
	}
	query, err := engine.NewRangeQuery(t.Context(), stored(t, h, end), nil, alert.Expr.StrVal, time.Unix(0, 0), time.Unix(0, 0).Add(end), scrape)
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	matrix, err := result.Matrix()
	if err != nil {
		t.Fatal(err)
	}
	active := map[time.Duration]bool{}
	for _, series := range matrix {
		for _, point := range series.Floats {
			active[time.Duration(point.T)*time.Millisecond] = true
		}
	}
	var spans []span
	var since time.Duration = -1
	for at := time.Duration(0); at <= end; at += scrape {
		switch {
		case !active[at]:
			since = -1
		case since < 0:
			since = at
		}
		if since < 0 || at-since < hold {
			continue
		}
		if last := len(spans) - 1; last >= 0 && spans[last].to == at-scrape {
			spans[last].to = at
		} else {
			spans = append(spans, span{at, at})
		}
	}
	return spans
}

func alert(t *testing.T, name, values string) monitoringv1.Rule {
	t.Helper()
	for _, r := range rules(t, parseValues(t, values)) {
		if r.Alert == name {
			return r
		}
	}
	t.Fatalf("there is no alert %s", name)
	return monitoringv1.Rule{}
}

// what is asked of an alert in an outage: to fire soon, without a gap until the end, and not
// much longer.
func firesOnceFor(t *testing.T, got []span, begin, soon, end, after time.Duration) {
	t.Helper()
	if len(got) != 1 || got[0].from < begin || got[0].from > begin+soon || got[0].to < end || got[0].to > end+after {
		t.Errorf("it fires %v, want once: at %v or up to %v later, and until %v or up to %v later", got, begin, soon, end, after)
	}
}

const (
	outageBegins = time.Hour
	outageEnds   = 5 * time.Hour
	recorded     = 7 * time.Hour
)

// The last try before the end may be 1,000 s before it.
const lastTry = outageEnds - 1000*time.Second

func TestAlertsLastThroughFourHoursOfBackOff(t *testing.T) {
	t.Parallel()
	tries := backoff(outageBegins, outageEnds)
	const ours = `{namespace="pillion-system", pod="pillion-webhook-1", job="a", instance="10.0.0.1:8081"`
	const api = `{job="apiserver", instance="10.0.0.9:6443"`
	for name, c := range map[string]struct {
		series       string
		beginsAtZero bool
		soon         time.Duration
	}{
		"PillionUnreachable":     {`apiserver_admission_webhook_rejection_count` + api + `, name="inject.pillion.dev", error_type="calling_webhook_error"}`, false, 4 * time.Minute},
		"PillionFailedOpen":      {`apiserver_admission_webhook_fail_open_count` + api + `, name="web.inject.pillion.dev"}`, false, 2 * time.Minute},
		"PillionGuardDenies":     {`apiserver_validating_admission_policy_check_total` + api + `, policy="pillion-final-state", enforcement_action="deny"}`, false, 2 * time.Minute},
		"PillionPolicyNotLoaded": {`pillion_admission_requests_total` + ours + `, policy="unknown", result="Failed", reason="PolicyNotLoaded"}`, true, 27 * time.Minute},
		"PillionFails":           {`pillion_admission_requests_total` + ours + `, policy="default", result="Failed", reason="InternalError"}`, true, 2 * time.Minute},
		"PillionDistrusted":      {`pillion_certificate_untrusted_total` + ours + `}`, true, 27 * time.Minute},
		"PillionSheds":           {`pillion_requests_shed_total` + ours + `}`, true, 27 * time.Minute},
		"PillionCrowded":         {`pillion_connections_turned_away_total` + ours + `, port="serving", reason="source"}`, true, 27 * time.Minute},
		"PillionPanics":          {`pillion_handler_panics_total` + ours + `}`, true, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := history{c.series: counts(tries, c.beginsAtZero), "up" + api + "}": constant(1)}
			firesOnceFor(t, firing(t, alert(t, name, ""), h, recorded), outageBegins, c.soon, lastTry, 40*time.Minute)
		})
	}
}

// Counters of API servers begin with their first event.
func TestTheFirstEventIsNoticed(t *testing.T) {
	t.Parallel()
	const api = `{job="apiserver", instance="10.0.0.9:6443"`
	h := history{
		`apiserver_admission_webhook_fail_open_count` + api + `, name="inject.pillion.dev"}`: counts([]time.Duration{outageBegins}, false),
		"up" + api + "}": constant(1),
	}
	firesOnceFor(t, firing(t, alert(t, "PillionFailedOpen", ""), h, recorded), outageBegins, time.Minute, outageBegins+15*time.Minute, 10*time.Minute)
}

// A rollout, and a Prometheus that has just been installed and finds what happened long ago.
func TestAlertsAreSilentAboutWhatIsNormal(t *testing.T) {
	t.Parallel()
	const ours = `{namespace="pillion-system", pod="pillion-webhook-1", job="a", instance="10.0.0.1:8081"`
	const api = `{job="apiserver", instance="10.0.0.9:6443"`
	aRollout := []time.Duration{time.Hour, time.Hour + time.Second, time.Hour + 20*time.Second}
	since := func(begin time.Duration, value float64) func(time.Duration) (float64, bool) {
		return func(at time.Duration) (float64, bool) { return value, at >= begin }
	}
	for name, c := range map[string]struct {
		alert, values string
		history       history
	}{
		"reviews of a policy that replicas are about to load": {"PillionPolicyNotLoaded", "", history{
			`pillion_admission_requests_total` + ours + `, policy="unknown", result="Failed", reason="PolicyNotLoaded"}`: counts(aRollout, true),
		}},
		"two hashes while replicas are replaced": {"PillionPoliciesDiffer", "", history{
			`pillion_policy_info` + ours + `, policy="default", hash="a"}`: func(at time.Duration) (float64, bool) { return 1, at < time.Hour+5*time.Minute },
			`pillion_policy_info` + ours + `, policy="default", hash="b"}`: since(time.Hour, 1),
		}},
		"failures from before Prometheus was there": {"PillionUnreachable", "", history{
			`apiserver_admission_webhook_rejection_count` + api + `, name="inject.pillion.dev", error_type="calling_webhook_error"}`: since(time.Hour, 7),
			"up" + api + "}": since(time.Hour, 1),
		}},
		"a certificate of 24 hours where 90 days were asked for, renewed at two thirds": {"PillionCertificateExpires", "", history{
			"pillion_certificate_not_before_seconds" + ours + "}": func(at time.Duration) (float64, bool) { return at.Truncate(16 * time.Hour).Seconds(), true },
			"pillion_certificate_not_after_seconds" + ours + "}": func(at time.Duration) (float64, bool) {
				return (at.Truncate(16*time.Hour) + 24*time.Hour).Seconds(), true
			},
		}},
		"one of a year where 90 days were asked for, renewed 30 days before its end": {"PillionCertificateExpires", "", history{
			"pillion_certificate_not_before_seconds" + ours + "}": constant(-335 * 86400),
			"pillion_certificate_not_after_seconds" + ours + "}":  constant(31 * 86400),
		}},
		"a replica that has no certificate yet": {"PillionCertificateExpires", "", history{
			"pillion_certificate_not_before_seconds" + ours + "}": constant(0),
			"pillion_certificate_not_after_seconds" + ours + "}":  constant(0),
		}},
		"a git-poller of a hash, which is polled once": {"PillionContentStale", "", history{
			`pillion_git_last_success_timestamp_seconds{namespace="shop", pod="web", container="pillion-git-poller"}`: constant(1),
			`pillion_git_period_seconds{namespace="shop", pod="web", container="pillion-git-poller"}`:                 constant(math.Inf(1)),
		}},
		"a git-poller with a period of a day": {"PillionContentStale", "", history{
			`pillion_git_last_success_timestamp_seconds{namespace="shop", pod="web", container="pillion-git-poller"}`: constant(1),
			`pillion_git_period_seconds{namespace="shop", pod="web", container="pillion-git-poller"}`:                 constant(86400),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := firing(t, alert(t, c.alert, c.values), c.history, 48*time.Hour); got != nil {
				t.Errorf("%s fires %v", c.alert, got)
			}
		})
	}
}

func TestAlertsOnStatesFireWhileTheyLast(t *testing.T) {
	t.Parallel()
	replica := func(name string) string { return `{namespace="pillion-system", pod="` + name + `"` }
	between := func(value, otherwise float64) func(time.Duration) (float64, bool) {
		return func(at time.Duration) (float64, bool) {
			if at >= outageBegins && at < outageEnds {
				return value, true
			}
			return otherwise, true
		}
	}
	gone := func(at time.Duration) (float64, bool) { return 1, at < outageBegins || at >= outageEnds }
	there := func(at time.Duration) (float64, bool) { return 1, at >= outageBegins && at < outageEnds }
	const kube = `{namespace="pillion-system", deployment="pillion-webhook", condition="Progressing", status="false"}`
	poller := `{namespace="shop", pod="web", container="pillion-git-poller"}`
	for name, c := range map[string]struct {
		history history
		soon    time.Duration
	}{
		"PillionReplicaGone": {history{"pillion_build_info" + replica("a") + "}": constant(1), "pillion_build_info" + replica("b") + "}": gone}, 25 * time.Minute},
		"PillionPoliciesDiffer": {history{
			"pillion_policy_info" + replica("a") + `, policy="web", hash="a"}`: constant(1),
			"pillion_policy_info" + replica("b") + `, policy="web", hash="b"}`: there,
		}, 26 * time.Minute},
		"PillionRolloutStuck":   {history{"kube_deployment_status_condition" + kube: between(1, 0)}, time.Minute},
		"PillionReplicaCrashes": {history{"kube_pod_container_status_waiting_reason" + replica("b") + `, container="webhook", reason="CrashLoopBackOff"}`: there}, 12 * time.Minute},
		"PillionContentStale": {history{
			"pillion_git_last_success_timestamp_seconds" + poller: func(at time.Duration) (float64, bool) {
				if at >= outageBegins && at < outageEnds {
					return outageBegins.Seconds(), true
				}
				return at.Seconds(), true
			},
			"pillion_git_period_seconds" + poller: constant(60),
		}, 17 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			firesOnceFor(t, firing(t, alert(t, name, ""), c.history, recorded), outageBegins, c.soon, outageEnds-scrape, 20*time.Minute)
		})
	}
}
