// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	stdcmp "cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// codes are the HTTP codes of the denials: what a policy forbids is 403, what is
// wrong in itself is 422.
var codes = map[reason.Reason]int32{
	reason.UnknownAnnotation: 422,
	reason.TooMany:           422,
	reason.InvalidValue:      422,
	reason.MissingOption:     422,
	reason.Contradiction:     422,
	reason.UnknownContainer:  422,
	reason.PathConflict:      422,
	reason.PodConflict:       422,
	reason.ReservedName:      422,
	reason.HelperNotAllowed:  403,
	reason.ValueNotAllowed:   403,
	reason.LimitExceeded:     403,
	reason.HostNetwork:       403,
	reason.RuntimeClass:      403,
	reason.RequiredHelper:    403,
	reason.UnknownPolicy:     403,
}

// Every golden pod, once more as the API server sends it.
func TestGoldenPodsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, dir := range goldenDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			c := readGolden(t, dir)
			want, err := Inject(testInjector, c.policy, c.pod, Template{})
			if err != nil {
				t.Fatal(err)
			}
			e := newEdge(map[string]*inject.Policy{c.policy.Name: c.policy})
			response := e.review(t, c.policy.Name, c.pod)
			if diff := cmp.Diff(string(want.Patch), string(response.Patch)); diff != "" {
				t.Errorf("patch (-Inject +answer):\n%s", diff)
			}
			if want.Result == reason.Denied {
				wantDenial(t, response, want.Reason, want.Message())
			} else if !response.Allowed {
				t.Errorf("denied: %s", response.Result.Message)
			}
			wantWarnings(t, response.Warnings, want.Warnings)
			wantAudit(t, response.AuditAnnotations, want.Decision)
			if o := (observation{c.policy.Name, string(want.Result), string(want.Reason)}); !slices.Equal(e.observed, []observation{o}) {
				t.Errorf("observed %v, want %v", e.observed, o)
			}
			wantLogLine(t, e.log.Bytes(), want.Decision)
		})
	}
}

func wantDenial(t *testing.T, response *admissionv1.AdmissionResponse, reason reason.Reason, message string) {
	t.Helper()
	statusReason := map[int32]metav1.StatusReason{403: metav1.StatusReasonForbidden, 422: metav1.StatusReasonInvalid}
	want := &metav1.Status{Status: metav1.StatusFailure, Message: message, Code: codes[reason], Reason: statusReason[codes[reason]]}
	if diff := cmp.Diff(want, response.Result); diff != "" {
		t.Errorf("the denial for %s (-want +got):\n%s", reason, diff)
	}
	if response.Allowed || response.Patch != nil {
		t.Errorf("allowed %v with the patch %s", response.Allowed, response.Patch)
	}
}

func wantWarnings(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
	for _, w := range got {
		if utf8.RuneCountInString(w) > 120 || !strings.HasPrefix(w, "pillion: ") {
			t.Errorf("the warning %q has more than 120 characters or does not say who speaks", w)
		}
	}
}

func wantAudit(t *testing.T, got map[string]string, d inject.Decision) {
	t.Helper()
	want := map[string]string{"policy": d.Policy, "policy-hash": d.PolicyHash, "result": string(d.Result), "reason": string(d.Reason)}
	for i := range d.Helpers {
		want["helpers"] = strings.TrimPrefix(want["helpers"]+","+stdcmp.Or(d.Helpers[i].Container, d.Helpers[i].Helper), ",")
	}
	for _, p := range d.Violations {
		want["violations"] = strings.TrimPrefix(want["violations"]+", "+string(p.Reason)+" "+p.Field, ", ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit annotations (-want +got):\n%s", diff)
	}
	for key := range got {
		if strings.Contains(key, "/") {
			t.Errorf("the audit annotation %q has a slash; the API server puts the webhook's name and one before it", key)
		}
	}
}

// wantLogLine: one line, with a closed set of keys and nothing of the pod's spec.
func wantLogLine(t *testing.T, log []byte, d inject.Decision) {
	t.Helper()
	lines := slices.Collect(bytes.Lines(log))
	if len(lines) != 1 {
		t.Fatalf("%d lines: %s", len(lines), log)
	}
	var line map[string]any
	if err := json.Unmarshal(lines[0], &line); err != nil {
		t.Fatal(err)
	}
	want := []string{"level", "msg", "namespace", "pod", "policy", "reason", "result", "seconds", "time", "uid"}
	if len(d.Helpers) > 0 {
		want = append(want, "helpers")
	}
	if len(d.Problems) > 0 {
		want = append(want, "problems")
	}
	if len(d.Violations) > 0 {
		want = append(want, "violations")
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(line)); !slices.Equal(got, want) {
		t.Errorf("the log line has the keys %v, want %v", got, want)
	}
	if line["msg"] != "reviewed" || line["uid"] != testUID || line["namespace"] != "site" || line["pod"] != "web" ||
		line["result"] != string(d.Result) || line["reason"] != string(d.Reason) {
		t.Errorf("the log line is %s", lines[0])
	}
}

func TestMetricLabelsAreAClosedSet(t *testing.T) {
	t.Parallel()
	e := newEdge(map[string]*inject.Policy{"default": policy.Builtin(), "panicking": panicking()})
	known := map[observation]bool{}
	for _, r := range reason.All() {
		for _, p := range []string{"default", "panicking", inject.NoPolicy} {
			known[observation{p, string(r.Result), string(r.Reason)}] = true
		}
	}
	pods := []string{annotatedPod, `{}`, `[]`, `{"spec":1}`, `{"metadata":{"annotations":{"git-poller.pillion.dev/mount-path":"/a","git-poller.pillion.dev/secret":"s"}}}`}
	for _, dir := range goldenDirs(t) {
		pods = append(pods, string(readGolden(t, dir).pod))
	}
	for _, pod := range pods {
		for _, path := range []string{"/namespace", "/warn/default", "/warn/nope", "/warn/unknown", "/inject/unknown", "/inject/default", "/inject/panicking", "/inject/nope", "/inject/%7Bpolicy%7D", "/inject/" + strings.Repeat("x", 5000)} {
			e.post(path, reviewOf(pod))
			e.post(path, []byte(pod))
		}
	}
	if want := 2 * 10 * len(pods); len(e.observed) != want {
		t.Errorf("%d observations of %d requests", len(e.observed), want)
	}
	for _, o := range e.observed {
		if !known[o] {
			t.Errorf("observed %v, which is no row of the reference", o)
		}
	}
}

func TestLogNamesAPodThatHasNoNameYet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ review, want string }{
		"by what its name begins with": {
			strings.NewReplacer(`"name":"web","namespace"`, `"name":"","namespace"`, `"metadata":{"name":"web",`, `"metadata":{"generateName":"web-7d4b9c-",`).
				Replace(string(reviewOf(annotatedPod))), `"pod":"web-7d4b9c-*"`,
		},
		"and says that it is a dry run": {strings.Replace(string(reviewOf(annotatedPod)), `"dryRun":false`, `"dryRun":true`, 1), `"dryRun":true`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := builtinEdge()
			if w := e.post("/inject/default", []byte(c.review)); w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if !strings.Contains(e.log.String(), c.want) {
				t.Errorf("no %s in %s", c.want, e.log.String())
			}
		})
	}
}

// A dry run is answered as the real thing: the same bytes.
func TestDryRunIsAnsweredTheSame(t *testing.T) {
	t.Parallel()
	e := builtinEdge()
	wet := e.post("/inject/default", reviewOf(annotatedPod)).Body.String()
	dry := e.post("/inject/default", bytes.Replace(reviewOf(annotatedPod), []byte(`"dryRun":false`), []byte(`"dryRun":true`), 1)).Body.String()
	if diff := cmp.Diff(wet, dry); diff != "" {
		t.Error(diff)
	}
}

// The longest names and values that an option takes.
func TestWarningsAreShort(t *testing.T) {
	t.Parallel()
	instance := strings.Repeat("i", 30) + "."
	for name, options := range map[string]map[string]string{
		"a shortened hash":           {"ref": strings.Repeat("a", 39)},
		"period and mode once":       {"mode": "once", "period": "30s"},
		"both, and not the defaults": {"ref": strings.Repeat("a", 39), "mode": "once", "period": "30s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			annotations := map[string]string{"pillion.dev/inject": "false"}
			for option, value := range map[string]string{"repo": "https://git.example/site", "mount-path": "/html"} {
				annotations[instance+"git-poller.pillion.dev/"+option] = value
			}
			for option, value := range options {
				annotations[instance+"git-poller.pillion.dev/"+option] = value
			}
			raw, err := json.Marshal(annotations)
			if err != nil {
				t.Fatal(err)
			}
			response := builtinEdge().review(t, "default", fmt.Appendf(nil, `{"metadata":{"annotations":%s},"spec":{"containers":[{"name":"web"}]}}`, raw))
			if len(response.Warnings) < 2 {
				t.Fatalf("warnings %q", response.Warnings)
			}
			wantWarnings(t, response.Warnings, response.Warnings)
		})
	}
}
