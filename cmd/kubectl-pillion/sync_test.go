// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/gitstatus"
)

// podWith is a pod with two git-pollers, one of which has ended, one that fetches once, and
// git-sync.
const podWith = `{
  "metadata": {"name": "web", "namespace": "shop"},
  "spec": {"containers": [{"name": "web"}], "initContainers": [
    {"name": "pillion-git-poller", "restartPolicy": "Always", "command": ["/pillion-helper"]},
    {"name": "pillion-git-poller-docs", "restartPolicy": "Always", "command": ["/pillion-helper"]},
    {"name": "pillion-git-poller-once", "command": ["/pillion-helper"]},
    {"name": "pillion-git-poller-big", "restartPolicy": "Always", "command": ["/git-sync"]},
    {"name": "pillion-git-pollers", "restartPolicy": "Always", "command": ["/pillion-helper"]},
    {"name": "pillion-date-writer", "restartPolicy": "Always", "command": ["/pillion-helper"]}]},
  "status": {"initContainerStatuses": [
    {"name": "pillion-git-poller", "state": {"running": {}}},
    {"name": "pillion-git-poller-docs", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    {"name": "pillion-git-poller-big", "state": {"running": {}}}]}}`

func TestOnlyPollersThatRunAreAsked(t *testing.T) {
	t.Parallel()
	p, err := explain.ReadPod([]byte(podWith))
	if err != nil {
		t.Fatal(err)
	}
	list, cannot := pollers(p)
	if diff := cmp.Diff([]poller{{"shop", "web", "pillion-git-poller", false}}, list, cmp.AllowUnexported(poller{})); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	want := []string{"pillion-git-poller-docs does not run", "pillion-git-poller-big runs git-sync, which cannot be asked"}
	if diff := cmp.Diff(want, cannot); diff != "" {
		t.Errorf("not asked (-want +got):\n%s", diff)
	}
}

// polled is the answer of a helper.
func polled(t *testing.T, text string) *gitstatus.Status {
	t.Helper()
	var s gitstatus.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestSyncSaysWhatIsPublishedAndWhatWentWrong(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef01234567"
	good := synced{"shop", "web-1", content{Container: "pillion-git-poller", Status: polled(t, `{"commit": "`+hash+`", "lastPoll": {"result": "changed", "seconds": 0.5}}`)}}
	bad := synced{"shop", "web-2", content{Container: "pillion-git-poller", Status: polled(t, `{"commit": "`+hash+`", "lastPoll": {"result": "error", "reason": "Unreachable", "message": "no route\u001b[2J", "seconds": 1}}`)}}
	unseen := synced{"shop", "web-3", content{Container: "pillion-git-poller", Error: "no answer within 15s"}}
	const (
		head = "POD    HELPER              COMMIT        RESULT   TOOK\n"
		row1 = "web-1  pillion-git-poller  0123456789ab  changed  500ms\n"
		row2 = "web-2  pillion-git-poller  0123456789ab  error    1s\n"
		lost = `web-2/pillion-git-poller: the poll failed (Unreachable): no route\x1b[2J` + "\n"
		away = "web-3/pillion-git-poller: no answer within 15s\n"
	)
	for name, tc := range map[string]struct {
		all        []synced
		out, err   string
		wantResult error
	}{
		"all is well":        {[]synced{good}, head + row1, "", nil},
		"a poll failed":      {[]synced{good, bad}, head + row1 + row2, lost, errRefused},
		"one cannot be seen": {[]synced{bad, unseen, good}, head + row2 + row1, lost + away, errUnseen},
		"nobody can":         {[]synced{unseen}, "", away, errUnseen},
	} {
		var out, errOut strings.Builder
		if err := printList(&out, "text", tc.all, syncText); err != nil {
			t.Fatal(err)
		}
		err := syncResult(tc.all, &errOut)
		if err != tc.wantResult || out.String() != tc.out || errOut.String() != tc.err { //nolint:errorlint // these are the errors themselves
			t.Errorf("%s: %v, and\n%s%swant %v, and\n%s%s", name, err, out.String(), errOut.String(), tc.wantResult, tc.out, tc.err)
		}
	}
}

func TestStatusShowsWhatPollersPublish(t *testing.T) {
	t.Parallel()
	fresh := polled(t, `{"commit": "0123456789abcdef0123456789abcdef01234567", "ageSeconds": 4.2, "failures": 0, "lastError": {"reason": "Unreachable", "message": "once"}}`)
	stale := polled(t, `{"ageSeconds": null, "failures": 3, "lastError": {"reason": "NoSuchRef", "message": "no main"}}`)
	pods := []podStatus{{Pod: explain.Pod{Namespace: "shop", Name: "web", State: explain.Current}}, {Pod: explain.Pod{Namespace: "shop", Name: "job", State: explain.Current}}}
	var errOut strings.Builder
	addContent(pods, []content{
		{Container: "pillion-git-poller", Status: fresh, namespace: "shop", pod: "web"},
		{Container: "pillion-git-poller-docs", Status: stale, namespace: "shop", pod: "web"},
		{Container: "pillion-git-poller-api", Error: "pods \"web\" is forbidden", forbidden: true, namespace: "shop", pod: "web"},
		{Container: "pillion-git-poller-old", Error: "no answer within 15s", namespace: "shop", pod: "web"},
	}, &errOut)
	var b strings.Builder
	(&statusOptions{all: true}).text(&b, pods)
	_, got, _ := strings.Cut(b.String(), "\n\n")
	const want = `POD       HELPER                   COMMIT        LAST SUCCESS  LAST ERROR
shop/web  pillion-git-poller       0123456789ab  4s ago        -
shop/web  pillion-git-poller-docs  -             -             NoSuchRef: no main
shop/web  pillion-git-poller-old   -             -             not known: no answer within 15s
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	if got := errOut.String(); got != "warning: what git-pollers publish is not known: pods \"web\" is forbidden; ask for the right to create pods/exec\n" {
		t.Errorf("the warning is %q", got)
	}
}

func TestAPollerThatHidesIsReadFromItsLog(t *testing.T) {
	t.Parallel()
	const (
		hash      = "0123456789abcdef0123456789abcdef01234567"
		published = `{"time":"2026-02-01T00:00:01Z","level":"INFO","msg":"published","repo":"https://git.acme.example/a","ref":"main","commit":"` + hash + `","previous":"","files":3,"bytes":10}` + "\n"
		failed    = `{"time":"2026-02-01T00:00:02Z","level":"WARN","msg":"poll failed","repo":"https://git.acme.example/a","ref":"main","reason":"Unreachable","error":"no route","failures":2,"stillPublished":"` + hash + `"}` + "\n"
		recovered = `{"time":"2026-02-01T00:00:03Z","level":"INFO","msg":"recovered","repo":"https://git.acme.example/a","ref":"main","failures":2}` + "\n"
		pod       = `{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, uid: web, annotations: {git-poller.pillion.dev/repo: "https://git.acme.example/a"}}, ` +
			`spec: {shareProcessNamespace: true, containers: [{name: app, image: app}], initContainers: [{name: pillion-git-poller, image: x, restartPolicy: Always, command: [/pillion-helper]}]}, ` +
			`status: {phase: Running, initContainerStatuses: [{name: pillion-git-poller, state: {running: {}}}]}}`
	)
	const note = "note: the commit of web/pillion-git-poller is what the end of its log says, and its age is not known: " + whyHidden + "\n"
	for name, c := range map[string]struct{ log, row, errOut string }{
		"it published":        {"no JSON\n" + published, "web  pillion-git-poller  0123456789ab  -             -\n", note},
		"it fails since then": {published + failed, "web  pillion-git-poller  0123456789ab  -             Unreachable: no route\n", note},
		"it was long ago":     {failed, "web  pillion-git-poller  0123456789ab  -             Unreachable: no route\n", note},
		"it recovered":        {published + failed + recovered, "web  pillion-git-poller  0123456789ab  -             -\n", note},
		"it says nothing":     {"{}\n", "web  pillion-git-poller  -       -             not known: " + whyHidden + ", and the end of its log names no commit and no error; see kubectl -n shop logs web -c pillion-git-poller\n", ""},
		"it may not be read":  {"forbidden", "web  pillion-git-poller  -       -             not known: " + whyHidden + ", and its log cannot be read: jane may not\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shop(pod)
			f[podsPath+"/web/log"] = c.log
			r := call("", append(f.flags(t), "status")...)
			if !strings.Contains(r.out, c.row) || !strings.Contains(r.errOut, c.errOut) || c.errOut == "" && strings.Contains(r.errOut, "note:") {
				t.Errorf("want %q and %q, got\n%s\n%s", c.row, c.errOut, r.out, r.errOut)
			}
		})
	}
	t.Run("it is not asked to poll", func(t *testing.T) {
		t.Parallel()
		r := call("", append(shop(pod).flags(t), "sync", "web")...)
		if want := "web/pillion-git-poller: cannot be asked: " + whyHidden + "; "; r.code != exitFailed || r.out != "" || !strings.HasPrefix(r.errOut, want) {
			t.Errorf("got %+v, want exit code 2 and %q", r, want)
		}
	})
}
