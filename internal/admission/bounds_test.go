// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// What an answer and the log of a review may have in bytes beyond those of the honest
// review that the hostile one was made of.
const (
	mostMore = 8 << 10
	mostLog  = 8 << 10
)

// fillers are what texts are overwritten with: what JSON writes as it is and Go quotes
// with four bytes, and what has several bytes in UTF-8.
var fillers = map[string]string{"a control character": "\x7f", "a rune of three bytes": "語"}

// repeated are the places of what a patch has to write again, in base64; maxPatch bounds it.
var repeated = regexp.MustCompile(`safe-to-evict-local-volumes$|\.command\[\d+\]$`)

// eachText calls do with a review that has one of its texts, or one of its names,
// replaced by filler, for each of them.
func eachText(t testing.TB, review []byte, filler string, do func(place string, hostile []byte)) {
	t.Helper()
	root := any(object(t, review))
	var walk func(v any, place string)
	try := func(place string) {
		hostile, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		do(place, hostile)
	}
	walk = func(v any, place string) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				value := v[key]
				if _, is := value.(string); is {
					v[key] = filler
					try(place + "." + key)
					v[key] = value
				}
				delete(v, key)
				for what, name := range map[string]string{"the name's begin": key + filler, "the name's end": filler + key} {
					v[name] = value
					try(place + "." + key + " (" + what + ")")
					delete(v, name)
				}
				v[key] = value
				walk(value, place+"."+key)
			}
		case []any:
			for i, value := range v {
				at := fmt.Sprintf("%s[%d]", place, i)
				if _, is := value.(string); is {
					v[i] = filler
					try(at)
					v[i] = value
				}
				walk(value, at)
			}
		}
	}
	walk(root, "")
}

// bounded posts a hostile review and tells what is too long.
func (e *edge) bounded(t *testing.T, path string, hostile []byte, honest int) (problem string) {
	t.Helper()
	e.log.Reset()
	e.observed = nil
	w := e.post(path, hostile)
	header := 0
	for key, values := range w.Header() {
		header += len(key) + len(strings.Join(values, ""))
	}
	switch {
	case w.Body.Len() > honest+mostMore:
		return fmt.Sprintf("the answer has %d bytes, the honest one %d: %.300q", w.Body.Len(), honest, w.Body)
	case header > 1<<10:
		return fmt.Sprintf("the header has %d bytes", header)
	case e.log.Len() > mostLog:
		return fmt.Sprintf("the log has %d bytes: %.300q", e.log.Len(), e.log.String())
	case w.Code >= http.StatusInternalServerError && !strings.Contains(w.Body.String(), `there is no "spec"`):
		return fmt.Sprintf("the status is %d: %.300q", w.Code, w.Body)
	}
	return ""
}

// Whatever a caller writes, and wherever, neither our answer nor our log grows with it.
func TestAnswersAndLogsAreBounded(t *testing.T) {
	t.Parallel()
	for i, dir := range goldenDirs(t) {
		if raceDetector && i%4 != 0 { // each takes seconds; without the race detector they all run
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			const long = 16 << 10
			c := readGolden(t, dir)
			e := newEdge(map[string]*inject.Policy{c.policy.Name: c.policy})
			path, review := "/inject/"+c.policy.Name, reviewOf(c.pod)
			whole := e.post(path, review).Body.Len()
			for name, one := range fillers {
				eachText(t, review, strings.Repeat(one, long/len(one)), func(place string, hostile []byte) {
					honest := whole
					if repeated.MatchString(place) {
						honest += 4 * long / 3
					}
					if problem := e.bounded(t, path, hostile, honest); problem != "" {
						t.Errorf("%s with %s: %s", place, name, problem)
					}
				})
			}
		})
	}
}

func TestAnswersAndLogsOfWorkloadsAreBounded(t *testing.T) {
	t.Parallel()
	const long = 16 << 10
	e := builtinEdge()
	reviews := map[string][]byte{
		"/namespace": bytes.ReplaceAll(reviewOf(`{"metadata":{"name":"a","labels":{"pillion.dev/policy":"x","other":"y"}}}`), []byte(`"pods"`), []byte(`"namespaces"`)),
	}
	deployment := reviewOf(`{"metadata":{"name":"web","annotations":{"git-poller.pillion.dev/repo":"https://github.com/acme/site"}},"spec":{"template":` + annotatedPod + `}}`)
	for old, new := range map[string]string{`"version":"v1","resource":"pods"`: `"version":"v1","resource":"deployments"`, `"group":""`: `"group":"apps"`, `"kind":"Pod"}`: `"kind":"Deployment"}`} {
		deployment = bytes.ReplaceAll(deployment, []byte(old), []byte(new))
	}
	reviews["/warn/default"] = deployment
	for path, review := range reviews {
		w := e.post(path, review)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
		}
		honest := w.Body.Len()
		for name, one := range fillers {
			eachText(t, review, strings.Repeat(one, long/len(one)), func(place string, hostile []byte) {
				if problem := e.bounded(t, path, hostile, honest); problem != "" {
					t.Errorf("%s: %s with %s: %s", path, place, name, problem)
				}
			})
		}
	}
}

// The same with as much as the API server lets through.
func TestThreeMegabytesAreAnsweredWithALine(t *testing.T) {
	t.Parallel()
	e := builtinEdge()
	review := reviewOf(annotatedPod)
	honest := e.post("/inject/default", review).Body.Len()
	eachText(t, review, strings.Repeat("\x7f", unraced(3<<20)), func(place string, hostile []byte) {
		if problem := e.bounded(t, "/inject/default", hostile, honest); problem != "" {
			t.Errorf("%s: %s", place, problem)
		}
	})
}

// Many mistakes are not many lines.
func TestManyMistakesAreBounded(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 64 {
		keys = append(keys, fmt.Sprintf(`"%s%d.git-poller.pillion.dev/repo":"%s"`, strings.Repeat("\x7f", 500), i, strings.Repeat("語", 500)))
	}
	p := policy.Builtin()
	warns := *p
	warns.Name, warns.Warn = "warns", true
	e := newEdge(map[string]*inject.Policy{p.Name: p, warns.Name: &warns})
	for _, name := range []string{p.Name, warns.Name} {
		pod := `{"metadata":{"annotations":{` + strings.Join(keys, ",") + `}},"spec":{"containers":[{"name":"web"}]}}`
		if problem := e.bounded(t, "/inject/"+name, reviewOf(pod), 4<<10); problem != "" {
			t.Error(problem)
		}
	}
}

func TestWhatIsNotAReviewIsAnsweredWithALine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<語\x7f", 20<<10)
	e := builtinEdge()
	for name, send := range map[string]func() *http.Request{
		"a Content-Type": func() *http.Request { r := post("/inject/default"); r.Header.Set("Content-Type", long); return r },
		"a policy":       func() *http.Request { return post("/inject/" + long) },
		"a path that is not in its canonical form": func() *http.Request { return post("/inject/../" + long) },
		"a path with a slash too many":             func() *http.Request { return post("//" + long) },
		"another path":                             func() *http.Request { return post("/" + long) },
		"another method":                           func() *http.Request { r := post("/inject/default"); r.Method = long; return r },
	} {
		t.Run(name+" of 100 KB", func(t *testing.T) {
			e.log.Reset()
			w := httptest.NewRecorder()
			e.ServeHTTP(w, send())
			if w.Body.Len() > 1<<10 || w.Code < 400 || e.log.Len() > 1<<10 || w.Header().Get("Location") != "" {
				t.Errorf("status %d with %d bytes and the header %.300v; the log has %d bytes", w.Code, w.Body.Len(), w.Header(), e.log.Len())
			}
		})
	}
}

// post is a request for a path as it comes from the wire, decoded.
func post(path string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
	r.URL.Path = path
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestAPatchThatIsTooLongIsADenial(t *testing.T) {
	t.Parallel()
	words := strings.Repeat(`,"x"`, 400_000)
	pod := `{"metadata":{"annotations":{"start.pillion.dev/after":"web=tcp:127.0.0.1:80"}},"spec":{"containers":[{"name":"web","command":["/.pillion/bin/pillion-helper","run","--wait=tcp:127.0.0.1:81","--"` + words + `]}]}}`
	response := builtinEdge().review(t, "default", []byte(pod))
	if response.Allowed || !strings.Contains(response.Result.Message, "is the length in bytes of the patch") {
		t.Errorf("allowed %v with a patch of %d bytes: %v", response.Allowed, len(response.Patch), response.Result)
	}
}

// The memory of a review does not grow with the number of elements: 3 MB of empty objects
// would be half a GiB of containers.
func TestListsWithoutEndTakeNoMemory(t *testing.T) { //nolint:paralleltest // memory is counted
	const most = 120 << 20
	size := unraced(3_000_000)
	fill := strings.TrimSuffix(strings.Repeat("{},", size/3), ",")
	var names strings.Builder
	for i := 0; names.Len() < size; i++ {
		fmt.Fprintf(&names, `"%x":"",`, i)
	}
	unique := strings.TrimSuffix(names.String(), ",")
	e := builtinEdge()
	for name, spec := range map[string]string{
		"containers":        `{"containers":[` + fill + `]}`,
		"init containers":   `{"containers":[{"name":"web"}],"initContainers":[` + fill + `]}`,
		"mounts":            `{"containers":[{"name":"web","volumeMounts":[` + fill + `]}]}`,
		"devices":           `{"containers":[{"name":"web","volumeDevices":[` + fill + `]}]}`,
		"ports":             `{"containers":[{"name":"web","ports":[` + fill + `]}]}`,
		"volumes":           `{"containers":[{"name":"web"}],"volumes":[` + fill + `]}`,
		"pull secrets":      `{"containers":[{"name":"web"}],"imagePullSecrets":[` + fill + `]}`,
		"sysctls":           `{"containers":[{"name":"web"}],"securityContext":{"sysctls":[` + fill + `]}}`,
		"claims":            `{"containers":[{"name":"web","resources":{"claims":[` + fill + `]}}]}`,
		"claims of the pod": `{"resources":{"claims":[` + fill + `]},"containers":[{"name":"web"}]}`,
		"groups":            `{"containers":[{"name":"web"}],"securityContext":{"supplementalGroups":[` + strings.ReplaceAll(fill, "{}", "1") + `]}}`,
		"a node selector":   `{"containers":[{"name":"web"}],"nodeSelector":{` + unique + `}}`,
		"limits":            `{"containers":[{"name":"web","resources":{"limits":{` + strings.ReplaceAll(unique, `""`, `"1"`) + `}}}]}`,
		"words":             `{"containers":[{"name":"web","command":[` + strings.ReplaceAll(fill, "{}", `""`) + `]}]}`,
	} {
		body := reviewOf(asks(spec))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := e.post("/inject/default", body)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d MiB were allocated, want at most %d; status %d: %.200s", name, took>>20, most>>20, w.Code, w.Body)
		}
	}
}
