// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHowLongAServerAsksToWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 500, time.UTC)
	at := func(ahead time.Duration) string { return now.Add(ahead).Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"nothing":                          {nil, 0},
		"seconds":                          {map[string]string{"Retry-After": "120"}, 2 * time.Minute},
		"no seconds":                       {map[string]string{"Retry-After": "0"}, 0},
		"more than there are":              {map[string]string{"Retry-After": "99999999999999999999999"}, (1 << 62) / time.Second * time.Second},
		"a little less than that":          {map[string]string{"Retry-After": "18446744073709551615"}, (1 << 62) / time.Second * time.Second},
		"less than none":                   {map[string]string{"Retry-After": "-1"}, 0},
		"a part of one":                    {map[string]string{"Retry-After": "1.5"}, 0},
		"words":                            {map[string]string{"Retry-After": "soon"}, 0},
		"a time":                           {map[string]string{"Date": at(0), "Retry-After": at(90 * time.Second)}, 90 * time.Second},
		"a time, by a clock that is wrong": {map[string]string{"Date": at(-time.Hour), "Retry-After": at(90*time.Second - time.Hour)}, 90 * time.Second},
		"a time, without a clock":          {map[string]string{"Retry-After": at(90 * time.Second)}, 90*time.Second - 500},
		"a time that is over":              {map[string]string{"Date": at(0), "Retry-After": at(-time.Minute)}, -time.Minute},
		"the end of GitHub's rate limit":   {map[string]string{"Date": at(0), "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1796040300"}, 5 * time.Minute},
		"a rate limit that is not used up": {map[string]string{"Date": at(0), "X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "1796040300"}, 0},
		"both":                             {map[string]string{"Date": at(0), "Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1796040300"}, 7 * time.Second},
	} {
		header := http.Header{}
		for name, value := range c.header {
			header.Set(name, value)
		}
		if got := retryAfter(header, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheWishToWaitIsPassedOn(t *testing.T) {
	t.Parallel()
	_, site := newSite(t)
	asking := func(code int, after string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(code)
		})
	}
	for name, c := range map[string]struct {
		handler http.Handler
		want    Error
	}{
		"429":          {asking(429, "30"), Error{Reason: Unreachable, Message: "the server is failing or busy (429 Too Many Requests); it asks to wait 30s", RetryAfter: 30 * time.Second}},
		"503":          {asking(503, "3600"), Error{Reason: Unreachable, Message: "the server is failing or busy (503 Service Unavailable); it asks to wait 1h0m0s", RetryAfter: time.Hour}},
		"for the pack": {onPost(asking(503, "90"), site), Error{Reason: Unreachable, Message: "the server is failing or busy (503 Service Unavailable); it asks to wait 1m30s", RetryAfter: 90 * time.Second}},
		"for a day":    {asking(503, "86400"), Error{Reason: Unreachable, Message: "the server is failing or busy (503 Service Unavailable); it asks to wait 24h0m0s, of which 1h0m0s is granted", RetryAfter: time.Hour}},
		"403":          {asking(403, "60"), Error{Reason: Unauthorized, Message: "the server forbids it (403); check that the credentials may read this repository, and the server's rate limit; it asks to wait 1m0s", RetryAfter: time.Minute}},
		"not at all":   {asking(503, "0"), Error{Reason: Unreachable, Message: "the server is failing or busy (503 Service Unavailable)"}},
		"with words": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "5")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(429)
			_, _ = w.Write([]byte(`{"message":"slow down"}`))
		}), Error{Reason: Unreachable, Message: `the server is failing or busy (429 Too Many Requests); it asks to wait 5s; it says "slow down"`, RetryAfter: 5 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, c.handler) + "/site.git"
			c.want.Message = url + ": " + c.want.Message
			if diff := cmp.Diff(&c.want, mustFail(t, Request{Repo: url})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAServerSaysInJSONIsFound(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"errors":[`, 5000)
	for name, c := range map[string]struct{ kind, body, want string }{
		"GitHub":                {"application/json; charset=utf-8", `{"message":"API rate limit exceeded","documentation_url":"https://docs.github.com/x","status":"403"}`, "API rate limit exceeded"},
		"GitHub, with details":  {"application/json", `{"message":"","errors":[{"resource":"x","message":"is suspended"}]}`, "is suspended"},
		"GitLab":                {"application/json", `{"message":"401 Unauthorized"}`, "401 Unauthorized"},
		"GitLab, for tokens":    {"application/json", `{"error":"insufficient_scope","error_description":"The request requires higher privileges","scope":"api"}`, "The request requires higher privileges"},
		"GitLab, an error":      {"application/json", `{"error":"404 Not Found"}`, "404 Not Found"},
		"Bitbucket":             {"application/json", `{"type":"error","error":{"message":"Access denied","detail":"x"}}`, "Access denied"},
		"Bitbucket Data Center": {"application/json;charset=UTF-8", `{"errors":[{"context":null,"message":"You are not permitted","exceptionName":"x"}]}`, "You are not permitted"},
		"Azure DevOps":          {"application/json", `{"$id":"1","innerException":null,"message":"TF401019: no such repository","typeName":"x"}`, "TF401019: no such repository"},
		"a problem":             {"application/problem+json", `{"type":"about:blank","title":"Forbidden","status":403,"detail":"ask bob"}`, "ask bob"},
		"a string":              {"application/json", `"no"`, "no"},
		"a list":                {"application/json", `["", "no"]`, "no"},
		"a number":              {"application/json", `{"message":7}`, ""},
		"nothing":               {"application/json", ``, ""},
		"half of it":            {"application/json", `{"message":"no`, ""},
		"not JSON":              {"application/json", `<html>no</html>`, ""},
		"a web page":            {"text/html", `<html>no</html>`, ""},
		"JSON that is text":     {"text/plain", `{"message":"no"}`, `{"message":"no"}`},
		"too deep":              {"application/json", deep, ""},
		"too long":              {"application/json", `{"message":"` + strings.Repeat("x", 1<<20) + `"}`, ""},
		"unprintable":           {"application/json", `{"message":"\u001b[2J\u202eno\n"}`, "\x1b[2J\u202eno"},
	} {
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", c.kind)
		recorder.WriteHeader(403)
		_, _ = recorder.WriteString(c.body)
		response := recorder.Result()
		if got := serverWords(response); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		response.Body.Close()
	}
}

// What it says is cut, quoted and free of credentials, in whatever escapes it comes.
func TestWhatAServerSaysInJSONIsHarmless(t *testing.T) {
	t.Parallel()
	url, ca := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(403)
		escaped := ""
		for _, c := range password {
			escaped += `\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
		}
		_, _ = w.Write([]byte(`{"message":"\u001b[31m` + escaped + ` ` + r.Header.Get("Authorization") + strings.Repeat("x", 300) + `"}`))
	}), nil)
	got := mustFail(t, Request{Repo: url, CAFile: ca, Auth: AuthBasic, AuthDir: secret(t, map[string]string{"username": "bob", "password": "hunter2hunter2"})})
	want := url + `: the server forbids it (403); check that the credentials may read this repository, and the server's rate limit; it says "\x1b[31m… Basic …` + strings.Repeat("x", 182) + `"…`
	if got.Message != want {
		t.Errorf("got  %s\nwant %s", got.Message, want)
	}
}

func TestADumbServerIsRecognised(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	r.git("", "update-server-info")
	for name, kind := range map[string]string{"as Go and nginx serve it": "", "as Python serves it": "application/octet-stream", "as a web page": "text/html"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			static := http.FileServerFS(os.DirFS(filepath.Dir(r.dir)))
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if kind != "" {
					w.Header().Set("Content-Type", kind)
				}
				static.ServeHTTP(w, r)
			})) + "/site.git"
			want := &Error{Reason: BadServer, Message: url + ": the server offers the repository as plain files (git's dumb protocol), which are not read here; let it run git http-backend, or use ssh"}
			if diff := cmp.Diff(want, mustFail(t, Request{Repo: url})); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
