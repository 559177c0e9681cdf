// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

const drawn = "kube-api-access-abcde"

// replicaPod is a pod as a ReplicaSet's controller makes it, which asks for a helper.
func replicaPod() string {
	return benchPod(`"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/usr/share/nginx/html"`, 2, 1, 200)
}

var seconds = regexp.MustCompile(`"(time|seconds)":[^,}]+`)

// everything is what one review makes of an edge: the answer, what is logged and what is counted.
func everything(e *edge, path string, body []byte) string {
	e.log.Reset()
	e.observed = nil
	w := e.post(path, body)
	return fmt.Sprintf("%d %v\n%s\n%s%v", w.Code, w.Header(), w.Body, seconds.ReplaceAllString(e.log.String(), ""), e.observed)
}

// FuzzReplicas asks about a pod, and about one that differs from it in one text wherever that
// stands, both several times. A handler that remembers pods does as one that was never asked before.
func FuzzReplicas(f *testing.F) {
	texts := [][2]string{
		{"abcde", "x2z4q"},
		{"2026-01-01T00:00:00Z", "2031-12-31T23:59:59Z"},
		{drawn, "other"},
		{"app", "pillion-git-poller"},
		{"nginx", `a\\b`},
		{"/", `\/`},
		{testUID, "a05ab4f5-6393-11e8-b7cc-42010a800003"},
		{`{"uid"`, `{"x":"` + testUID + `","uid"`},
		{"site", "page"},
		{"app:v1.2.3", "app:v1.2.4"},
		{"7d4b9c8f5d", "5d7d4b9c8f"},
		{`"image"`, `"imagE"`},
		{`"claimName"`, `"readOnly"`},
	}
	pods := []string{replicaPod(), strings.ReplaceAll(replicaPod(), drawn, "pillion-git-poller")}
	for _, dir := range goldenDirs(f) {
		pods = append(pods, string(readGolden(f, dir).pod))
	}
	for i, text := range pods {
		body := reviewOf(text)
		f.Add(body, texts[i%len(texts)][0], texts[i%len(texts)][1])
	}
	for _, text := range texts {
		f.Add(reviewOf(pods[0]), text[0], text[1])
	}
	policies := map[string]*inject.Policy{"default": policy.Builtin(), "audited": audited(f)}
	f.Fuzz(func(t *testing.T, body []byte, old, text string) {
		if len(body)+bytes.Count(body, []byte(old))*len(text) > 1<<18 {
			return
		}
		e := newEdge(policies)
		another := bytes.ReplaceAll(body, []byte(old), []byte(text))
		for name := range policies {
			path := "/inject/" + name
			for _, asked := range [][]byte{body, another, body} {
				want := everything(newEdge(policies), path, asked)
				for range 3 {
					if diff := cmp.Diff(want, everything(e, path, asked)); diff != "" {
						t.Fatalf("%s (-asked once +asked before):\n%s\n%s", path, diff, asked)
					}
				}
			}
		}
	})
}

// What differs in a review that was answered, and whether it is recognised all the same.
func TestReplicasAreRecognised(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(body string) string
		want   bool
	}{
		"the same pod":                        {func(b string) string { return b }, true},
		"with another uid":                    {func(b string) string { return strings.Replace(b, testUID, "a05ab4f5-6393-11e8-b7cc-42010a800003", 1) }, true},
		"with a volume of another drawn name": {func(b string) string { return strings.ReplaceAll(b, drawn, "kube-api-access-2bc9z") }, true},
		"applied later":                       {func(b string) string { return strings.ReplaceAll(b, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z") }, true},

		"with a uid that is longer":                    {func(b string) string { return strings.Replace(b, testUID, testUID+"0", 1) }, false},
		"with a uid that is no text":                   {func(b string) string { return strings.Replace(b, testUID, testUID[:34]+`\n`, 1) }, false},
		"as a dry run":                                 {func(b string) string { return strings.Replace(b, `"dryRun":false`, `"dryRun":true`, 1) }, false},
		"asked by somebody else":                       {func(b string) string { return strings.Replace(b, `"alice"`, `"system:node:a"`, 1) }, false},
		"in another namespace":                         {func(b string) string { return strings.ReplaceAll(b, `"namespace":"site"`, `"namespace":"page"`) }, false},
		"whose volume has another kind of name":        {func(b string) string { return strings.ReplaceAll(b, drawn, "kube-api-access-ABCDE") }, false},
		"whose mount is of another volume":             {func(b string) string { return replaceLast(b, drawn, "kube-api-access-2bc9z") }, false},
		"with another annotation":                      {func(b string) string { return strings.ReplaceAll(b, "acme/site.git", "acme/page.git") }, false},
		"with another variable":                        {func(b string) string { return strings.ReplaceAll(b, "SETTING_00", "SETTING_01") }, false},
		"that is longer":                               {func(b string) string { return strings.ReplaceAll(b, `"status":{}`, `"status":{ }`) }, false},
		"that is there twice":                          {func(b string) string { return replaceLast(b, `}}`, `,"object":{}}}`) }, false},
		"of which the review is broken off":            {func(b string) string { return strings.TrimSuffix(b, "}") }, false},
		"after an object that is not the review's":     {func(b string) string { return strings.Replace(b, `"userInfo":{`, `"userInfo":{"object":{},`, 1) }, false},
		"about a change and no creation":               {func(b string) string { return strings.Replace(b, "CREATE", "UPDATE", 1) }, false},
		"inside another member than the request's own": {func(b string) string { return strings.Replace(b, `"object":`, `"x":{"object":`, 1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known := answered(t, replicaPod())
			body := []byte(c.change(string(reviewOf(replicaPod()))))
			if _, found := known.find("default", body); (found != nil) != c.want {
				t.Errorf("it is recognised: %v, want %v", found != nil, c.want)
			}
			if _, found := known.find("audited", body); found != nil {
				t.Error("it is recognised under another policy")
			}
		})
	}
}

// What differs in a pod of which the view was answered, and whether it is recognised by the key.
func TestViewsAreRecognised(t *testing.T) {
	t.Parallel()
	replace := func(old, text string) func(string) string {
		return func(b string) string { return strings.ReplaceAll(b, old, text) }
	}
	claim := func(name string) string {
		return `"volumes":[{"name":"data","persistentVolumeClaim":{"claimName":"` + name + `"}},`
	}
	for name, c := range map[string]struct {
		change func(body string) string
		want   bool
	}{
		"the same pod":                      {replace("", ""), true},
		"of the next version of a template": {replace("app:v1.2.3", "app:v1.3.0-rc.1"), true},
		"of another ReplicaSet":             {replace("7d4b9c8f5d", "66f8c9b7d"), true},
		"of a DaemonSet":                    {replace(`"restartPolicy":`, `"affinity":{"nodeAffinity":{"x":"node-7"}},"restartPolicy":`), false}, // but see below
		"with a name of its own":            {replace(`"generateName":"web-7d4b9c8f5d-"`, `"generateName":"web-"`), true},
		"with a volume of another name":     {replace(drawn, "kube-api-access-2bc9z"), true},
		"in another namespace":              {replace(`"namespace":"site"`, `"namespace":"another"`), true},
		"asked by somebody else":            {replace(`"alice"`, `"bob"`), true},
		"as a dry run":                      {replace(`"dryRun":false`, `"dryRun":true`), true},
		"with another claim":                {replace(`"volumes":[`, claim("data-web-11")), false}, // but see below

		"with another annotation":             {replace("acme/site.git", "acme/page.git"), false},
		"with an annotation of others":        {replace(`"annotations":{`, `"annotations":{"a":"b",`), false},
		"with another command":                {replace(`"--listen=:8080"`, `"--listen=:8081"`), false},
		"with another variable":               {replace("SETTING_00", "SETTING_01"), false},
		"with another limit":                  {replace("256Mi", "257Mi"), false},
		"with another container":              {replace(`"app-1"`, `"app-2"`), false},
		"with a member that is new":           {replace(`"priority":0`, `"priority":0,"x":1`), false},
		"with a drawn name of two kinds":      {func(b string) string { return replaceLast(b, drawn, "kube-api-access-2bc9z") }, false},
		"with a drawn name elsewhere":         {replace(`"SETTING_00"`, `"`+drawn+`"`), false},
		"with an escape in a name":            {func(b string) string { return replaceLast(b, drawn, `kube\u002dapi-access-abcde`) }, false},
		"that is a mirror":                    {replace(`"annotations":{`, `"annotations":{"kubernetes.io/config.mirror":"x",`), false},
		"whose view cannot be read":           {replace(`"hostNetwork":false`, `"hostNetwork":0`), false},
		"with a container of ours, its image": {replace(`"app-1","image":"registry.example/acme/app:v1.2.3"`, `"pillion-x","image":"x"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := strings.Replace(replicaPod(), `"restartPolicy":`, `"hostNetwork":false,"restartPolicy":`, 1)
			pod = strings.Replace(pod, `"annotations":{`, `"annotations":{"x/checksum":"1",`, 1)
			known := answered(t, pod)
			for policy, want := range map[string]bool{"default": c.want, "audited": false} {
				if found := recognisedByView(known, policy, c.change(string(reviewOf(pod)))); found != want {
					t.Errorf("policy %s: it is recognised: %v, want %v", policy, found, want)
				}
			}
		})
	}
	for name, c := range map[string]struct{ one, other string }{
		"pods of a DaemonSet": {`"affinity":{"nodeAffinity":{"x":"node-7"}},"restartPolicy":`, `"affinity":{"nodeAffinity":{"x":"node-12"}},"restartPolicy":`},
		"pods of a StatefulSet": {
			`"hostname":"web-0","restartPolicy":`, `"hostname":"web-10","restartPolicy":`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := strings.Replace(replicaPod(), `"volumes":[`, claim("data-web-1"), 1)
			known := answered(t, strings.Replace(pod, `"restartPolicy":`, c.one, 1))
			other := strings.Replace(strings.Replace(pod, `"restartPolicy":`, c.other, 1), "data-web-1", "data-web-12", 1)
			if !recognisedByView(known, "default", string(reviewOf(other))) {
				t.Error("it is not recognised")
			}
		})
	}
}

func recognisedByView(known *replicas, policy, body string) bool {
	m := &memory{body: []byte(body)}
	if _, err := decodePod(m, newPods); err != nil {
		return false
	}
	return known.findView(policy, m.key) != nil
}

// A line of log names the pod that was asked about, not the one that was remembered.
func TestAPodThatIsRecognisedByItsViewIsLoggedAsItself(t *testing.T) {
	t.Parallel()
	e := builtinEdge()
	for i := range 5 {
		e.log.Reset()
		name := fmt.Sprintf("web-%010d-", i)
		body := bytes.ReplaceAll(reviewOf(strings.ReplaceAll(replicaPod(), "web-7d4b9c8f5d-", name)), []byte(testUID), []byte(fmt.Sprintf("uid-%d", i)))
		body = bytes.Replace(body, []byte(`"name":"web"`), []byte(`"name":""`), 1)
		answer := e.post("/inject/default", body).Body.String()
		if log := e.log.String(); !strings.Contains(log, name+"*") || !strings.Contains(log, fmt.Sprintf(`"uid-%d"`, i)) || !strings.Contains(answer, fmt.Sprintf(`"uid":"uid-%d"`, i)) {
			t.Errorf("the pod %s is logged as %s\nand answered with %.200s", name, log, answer)
		}
	}
}

// Pods whose answer depends on more than what is compared, or that may hide a name that was
// drawn, are decided again each time.
func TestWhatIsNotRemembered(t *testing.T) {
	t.Parallel()
	pod := replicaPod()
	for name, text := range map[string]string{
		"a mirror":                    strings.Replace(pod, `"annotations":{`, `"annotations":{"kubernetes.io/config.mirror":"x",`, 1),
		"a drawn name elsewhere":      strings.Replace(pod, `"annotations":{`, `"annotations":{"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes":"`+drawn+`",`, 1),
		"a drawn name of a variable":  strings.Replace(pod, `"SETTING_00"`, `"`+drawn+`"`, 1),
		"a drawn name of an emptyDir": strings.Replace(pod, `"projected":{`, `"emptyDir":{},"x":{`, 1),
		"an escape that hides a name": strings.Replace(replaceLast(pod, drawn, `kube\u002dapi-access-abcde`), `"SETTING_00"`, `"`+drawn+`"`, 1),
		"two drawn names":             replaceLast(pod, drawn, "kube-api-access-vwxyz"),
		"a drawn name of no volume":   strings.Replace(pod, drawn, "kube-api", 1),
		"what is too large":           benchPod(`"date-writer.pillion.dev/mount-path":"/srv"`, 40, 60, 5000),
		"a denial":                    benchPod(`"date-writer.pillion.dev/mount-path":"srv"`, 1, 0, 200),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, known := range answered(t, text).now {
				if known != nil {
					t.Errorf("remembered: %s", text)
				}
			}
		})
	}
}

// What comes once is not worth the memory.
func TestATemplateIsRememberedTheSecondTime(t *testing.T) {
	t.Parallel()
	h, body := podHandler(), reviewOf(replicaPod())
	for round, want := range []bool{false, false, true} {
		if _, found := h.replicas.find("default", body); (found != nil) != want {
			t.Errorf("after %d reviews it is recognised: %v, want %v", round, found != nil, want)
		}
		if _, _, err := h.answer("default", &memory{body: body}); err != nil {
			t.Fatal(err)
		}
	}
}

// answered is what a handler remembers that has answered the review of a pod, twice.
func answered(t *testing.T, pod string) *replicas {
	t.Helper()
	h := podHandler()
	for range 2 {
		if _, _, err := h.answer("default", &memory{body: reviewOf(pod)}); err != nil {
			t.Fatal(err)
		}
	}
	return h.replicas
}

// podHandler reviews pods under the built-in policy.
func podHandler() *handler {
	o := Options{Policies: map[string]*inject.Policy{"default": policy.Builtin()}}.complete()
	return &handler{Options: o, endpoint: endpoint{"pod", newPods, decodePod, (*handler).reviewPod, o.Observe, newReplicas()}, injector: testInjector, turns: newTurns()}
}

func replaceLast(text, old, with string) string {
	i := strings.LastIndex(text, old)
	return text[:i] + with + text[i+len(old):]
}

// However many templates there are, what is remembered stays below its bound, and one that is
// used again and again stays.
func TestReplicasAreBounded(t *testing.T) {
	t.Parallel()
	h := podHandler()
	known := h.replicas
	always := reviewOf(replicaPod())
	large := strings.Replace(replicaPod(), `"annotations":{`, `"annotations":{"acme.example/notes":"`+strings.Repeat("x", 32<<10)+`",`, 1) // so that few fill the memory
	for i := range 150 {
		text := strings.ReplaceAll(large, "web-7d4b9c8f5d-", fmt.Sprintf("web-%010d-", i))
		for _, body := range [][]byte{reviewOf(text), reviewOf(text), always} {
			if _, _, err := h.answer("default", &memory{body: body}); err != nil {
				t.Fatal(err)
			}
		}
		if _, found := known.find("default", always); found == nil && i > 0 {
			t.Fatalf("a template that is in use is forgotten after %d others", i)
		}
	}
	size := 0
	for _, generations := range []map[uint64]*replica{known.now, known.old} {
		for _, r := range generations {
			size += r.size()
		}
	}
	if size > 2*generation || known.size > generation || size < generation {
		t.Errorf("%d bytes are remembered, %d of them in the newer generation, which may have %d", size, known.size, generation)
	}
}

// Many ask at the same time; nobody gets an answer to another one's pod.
func TestReplicasAreAnsweredAtTheSameTime(t *testing.T) {
	t.Parallel()
	e := builtinEdge()
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for round := range 50 {
				template := (i + round) % 3
				uid := fmt.Sprintf("uid-%d-%d", i, round)
				body := bytes.Replace(reviewOf(strings.ReplaceAll(replicaPod(), "acme/site.git", fmt.Sprintf("acme/site-%d.git", template))), []byte(testUID), []byte(uid), 1)
				if diff := cmp.Diff(builtinEdge().post("/inject/default", body).Body.String(), e.post("/inject/default", body).Body.String()); diff != "" {
					t.Errorf("(-alone +among others):\n%s", diff)
				}
			}
		})
	}
	group.Wait()
}

func TestHolesAreInOrder(t *testing.T) {
	t.Parallel()
	known := answered(t, replicaPod())
	for _, r := range known.now {
		if r.holes == nil { // of a view
			continue
		}
		if len(r.holes) != 5 || !slices.IsSortedFunc(r.holes, func(a, b hole) int { return a.at - b.at }) {
			t.Errorf("a review with a uid, a time, a volume and two mounts of it has the holes %v", r.holes)
		}
	}
}
