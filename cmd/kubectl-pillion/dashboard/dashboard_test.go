// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/linediff"
)

// told answers with what it is, and with what it was asked.
type told struct {
	view    View
	verdict Verdict
}

func (s told) View(context.Context) *View { return &s.view }

func (s told) Judge(_ context.Context, namespace, manifest string) *Verdict {
	v := s.verdict
	v.Notes = append(v.Notes, "in "+namespace+": "+manifest)
	return &v
}

const token = "the-token"

// request asks for a path as the page itself would, unless change says otherwise.
func request(t *testing.T, s Source, method, path, body string, change func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	Handler(s, token).ServeHTTP(w, r)
	return w.Result() //nolint:bodyclose // it is in memory
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestWhoGetsWhat(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for name, c := range map[string]struct {
		method, path string
		change       func(*http.Request)
		want         int
	}{
		"the page itself sees the view":                     {"GET", "/view", nil, 200},
		"the page itself has a manifest judged":             {"POST", "/judge", nil, 200},
		"a program that is no browser, with the token":      {"GET", "/view", func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }, 200},
		"a tunnel with another port":                        {"GET", "/view", host("localhost:9000"), 200},
		"the other loopback address":                        {"GET", "/view", host("[::1]:8080"), 200},
		"the files are nobody's secret":                     {"GET", "/", header("Authorization", ""), 200},
		"a link from another page opens them":               {"GET", "/", header("Sec-Fetch-Site", "cross-site"), 200},
		"without the token there is no view":                {"GET", "/view", header("Authorization", ""), 401},
		"without the token nothing is judged":               {"POST", "/judge", header("Authorization", ""), 401},
		"with another token there is no view":               {"GET", "/view", header("Authorization", "Bearer the-tokem"), 401},
		"with a part of the token there is no view":         {"GET", "/view", header("Authorization", "Bearer the-toke"), 401},
		"a cookie is no token":                              {"GET", "/view", func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", "token="+token) }, 401},
		"a query is no token":                               {"GET", "/view?token=" + token, header("Authorization", ""), 401},
		"another site has no view, even with the token":     {"GET", "/view", header("Sec-Fetch-Site", "cross-site"), 403},
		"another port of this machine has no view":          {"GET", "/view", header("Sec-Fetch-Site", "same-site"), 403},
		"another origin has nothing judged":                 {"POST", "/judge", header("Origin", "http://127.0.0.1:9999"), 403},
		"a file of this machine has nothing judged":         {"POST", "/judge", header("Origin", "null"), 403},
		"the page's own origin has":                         {"POST", "/judge", header("Origin", "http://127.0.0.1:8080"), 200},
		"a name that was made to mean this machine":         {"GET", "/view", host("evil.example:8080"), 421},
		"such a name for the files":                         {"GET", "/", host("evil.example"), 421},
		"a name that begins as ours does":                   {"GET", "/view", host("127.0.0.1.evil.example:8080"), 421},
		"a name that ends as ours does":                     {"GET", "/view", host("x.localhost:8080"), 421},
		"no name":                                           {"GET", "/view", host(""), 421},
		"the view is read":                                  {"POST", "/view", nil, 405},
		"judging is asked for":                              {"GET", "/judge", nil, 405},
		"a preflight of another origin is not answered yes": {"OPTIONS", "/view", header("Origin", "https://evil.example"), 405},
		"what nobody serves":                                {"GET", "/page/index.html", nil, 404},
		"what lies above":                                   {"GET", "/../dashboard.go", nil, 307},
		"the policy is not changed from here":               {"PUT", "/judge", nil, 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request(t, told{}, c.method, c.path, "", c.change)
			if r.StatusCode != c.want {
				t.Errorf("the answer is %d, want %d: %s", r.StatusCode, c.want, bodyOf(t, r))
			}
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("it allows the origin %q", got)
			}
			for header, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
				t.Errorf("the Content-Security-Policy is %q", csp)
			}
		})
	}
}

// hostile is text that others wrote, as far as it is printable.
const hostile = `<script>alert(1)</script><img src=x onerror="alert(2)">" onfocus="x`

func TestWhatOthersWroteIsText(t *testing.T) {
	t.Parallel()
	s := told{
		view: View{
			Cluster: hostile, Scope: hostile, Time: hostile, Error: hostile, Notes: []string{hostile},
			Pods: []Pod{{
				Pod:     explain.Pod{Namespace: hostile, Name: hostile, State: explain.Failing, Helpers: []string{hostile}, Version: hostile, Policy: hostile, Findings: []explain.Finding{{Code: explain.HelperFailing, Text: hostile, Fix: hostile}}},
				Commits: []Commit{{hostile, hostile, hostile, hostile}},
			}},
			Namespaces: []Namespace{{hostile, hostile, hostile, 1}},
			Policies:   []Policy{{Name: hostile, Hash: hostile, Source: hostile, Facts: [][]string{{hostile, hostile}}, Helpers: []Helper{{hostile, hostile, []string{hostile}, [][]string{{hostile, hostile, hostile}}}}}},
		},
		verdict: Verdict{Error: hostile, Objects: []Object{{
			Name: hostile, Result: hostile, Reason: hostile, Meaning: hostile, Policy: hostile, Why: hostile, Problems: []Problem{{1, hostile, ""}}, Warnings: []string{hostile},
			Changes: []explain.Change{{What: hostile, Name: hostile, Detail: hostile}}, Hunks: []linediff.Hunk{{From: 1, To: 1, Lines: []linediff.Line{{Op: linediff.Add, Text: hostile}}}},
		}}},
	}
	for path, method := range map[string]string{"/view": "GET", "/judge?namespace=a": "POST"} {
		text := bodyOf(t, request(t, s, method, path, hostile, nil))
		if n := strings.Count(text, "&lt;script&gt;"); n < 10 {
			t.Errorf("%s has the text %d times", path, n)
		}
		if match := regexp.MustCompile(`<(script|img)\b|"[^"<>]*" onfocus="`).FindString(text); match != "" {
			t.Errorf("%s has %s in\n%s", path, match, text)
		}
	}
}

func TestTheManifestAndItsNamespaceAreHandedOn(t *testing.T) {
	t.Parallel()
	text := bodyOf(t, request(t, told{}, "POST", "/judge?namespace=shop", "kind: Pod\n", nil))
	if !strings.Contains(text, "<li>! in shop: kind: Pod\n</li>") {
		t.Errorf("got\n%s", text)
	}
}

func TestALongManifestIsNotReadToTheEnd(t *testing.T) {
	t.Parallel()
	r := request(t, told{}, "POST", "/judge", strings.Repeat("a", mostManifest+1), nil)
	if text := bodyOf(t, r); r.StatusCode != http.StatusOK || !strings.Contains(text, "the manifest is larger than 1 MiB") || strings.Contains(text, "aaa") {
		t.Errorf("%d: %.300s", r.StatusCode, text)
	}
}

// What the page is made of asks nobody else, and has no script or style in its text, which the
// Content-Security-Policy would not run.
func TestThePageHasNoAssetOfOthers(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, path := range []string{"/", "/dashboard.js", "/dashboard.css", "/icon.svg"} {
		r := request(t, told{}, "GET", path, "", nil)
		text := bodyOf(t, r)
		if len(text) < 100 {
			t.Errorf("%s is %q", path, text)
		}
		pages = append(pages, r.Header.Get("Content-Type"))
		text = strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")
		if match := regexp.MustCompile(`(?i)https?://|//[a-z]+\.|\son[a-z]+=|<style|style=|@import|url\(|eval\(`).FindString(text); match != "" {
			t.Errorf("%s has %q", path, match)
		}
	}
	want := []string{"text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml"}
	if diff := cmp.Diff(want, pages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
