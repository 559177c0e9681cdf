// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// odd is a file in a form that no encoder writes: comments, blank lines, quotes, indents.
const odd = `# the shop
apiVersion: v1
kind: ConfigMap
metadata: { name:   other }
---
apiVersion: apps/v1
kind:   Deployment
metadata:
    name: "web"   # the name

spec:
    template:
        metadata:
            annotations:
                date-writer.pillion.dev/mount-path:   /html

        spec:
            containers:
              - name: web
                image: 'nginx'

---
` + "# the last\nkind: Secret\napiVersion: v1\n"

func TestDiffOfFilesIsAPatchOfThem(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("patch"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no patch(1) on this machine")
	}
	for name, text := range map[string]string{
		"a plain file":            podOf("Deployment", "apps/v1"),
		"a file of an odd form":   odd,
		"two pods":                podOf("Pod", "v1") + "---\n" + strings.Replace(podOf("Pod", "v1"), "name: web", "name: api", 1),
		"a list":                  "apiVersion: v1\nkind: List\nitems:\n- " + strings.TrimSuffix(strings.ReplaceAll(podOf("Pod", "v1"), "\n", "\n  "), "  "),
		"without a last line end": strings.TrimSuffix(podOf("Pod", "v1"), "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "web.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			want := documentsOf(t, injected(t, text))
			r := call("", "diff", "-f", file)
			if r.code != exitRefused || r.errOut != "" {
				t.Fatalf("exit code %d: %s", r.code, r.errOut)
			}
			for line := range strings.Lines(r.out) {
				if strings.HasSuffix(text, "\n") && strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "--- ") {
					t.Errorf("it takes a line away: %q", line)
				}
			}
			patch := exec.CommandContext(t.Context(), "patch", "-p0", "--fuzz=0", file)
			patch.Stdin = strings.NewReader(r.out)
			if said, err := patch.CombinedOutput(); err != nil {
				t.Fatalf("patch: %v: %s\n%s", err, said, r.out)
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, documentsOf(t, string(got))); diff != "" {
				t.Errorf("the patched file (-want +got):\n%s", diff)
			}
			if again := call("", "diff", "-f", file); again.code != exitOK || again.out != "" {
				t.Errorf("of what is injected: exit code %d, %s%s", again.code, again.out, again.errOut)
			}
		})
	}
}

func TestDiffGolden(t *testing.T) {
	t.Parallel()
	r := call(odd, "diff", "-f", "-", "-U", "1")
	if r.code != exitRefused || r.errOut != "" {
		t.Errorf("exit code %d: %s", r.code, r.errOut)
	}
	wantGolden(t, "diff.txt", anyHash.ReplaceAllString(r.out, "HASH"))
}

func TestDiffOfJSONIsShownAsYAML(t *testing.T) {
	t.Parallel()
	raw, err := yaml.YAMLToJSON([]byte(podOf("Pod", "v1")))
	if err != nil {
		t.Fatal(err)
	}
	r := call(string(raw), "diff", "-f", "-")
	if r.code != exitRefused || !strings.HasPrefix(r.out, "--- standard input, document 1\t(as YAML)\n+++ standard input, document 1\t(with helpers)\n@@ ") || !strings.Contains(r.out, "\n+  - ") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errOut)
	}
}

func TestDiffExitCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		want  string // the beginning of what is said
	}{
		"nothing to add":           {"kind: ConfigMap\napiVersion: v1\n", []string{"-f", "-"}, exitOK, ""},
		"a pod that is denied":     {podOf("Pod", "v1", "date-writer.pillion.dev/mount-path: html"), []string{"-f", "-"}, exitFailed, "error: standard input:6: Pod/web: "},
		"nothing named":            {"", nil, exitFailed, "error: nothing to compare: "},
		"a kind without a name":    {"", []string{"deploy"}, exitFailed, "error: which deploy? "},
		"both":                     {"", []string{"-f", "-", "pod/web"}, exitFailed, "error: give either "},
		"a policy and no file":     {"", []string{"pod/web", "--policy", "x"}, exitFailed, "error: --policy is for files: "},
		"a negative context":       {"", []string{"-f", "-", "-U", "-1"}, exitFailed, "error: --unified -1: must be 0 or more\n"},
		"a file that is not there": {"", []string{"-f", "missing.yaml"}, exitFailed, "error: open missing.yaml: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := call(c.stdin, append([]string{"diff"}, c.args...)...)
			if r.code != c.code || r.out != "" || !strings.HasPrefix(r.errOut, c.want) || c.want == "" && r.errOut != "" {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// making is a cluster that answers a dry run with what its webhook makes of the pod.
type making struct {
	fakeCluster
	t      *testing.T
	policy string
	denial string
}

func (m making) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Query().Get("dryRun") != "All" {
		m.fakeCluster.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if m.denial != "" {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": m.denial})
		return
	}
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, call(string(body), "inject", "-f", "-", "-o", "json", "--policy", m.policy).out)
}

// args start the cluster and name it.
func (m making) args(args ...string) []string {
	server := httptest.NewServer(m)
	m.t.Cleanup(server.Close)
	flags := m.flags(m.t)
	flags[3] = server.URL
	return append(flags, args...)
}

func TestDiffOfPods(t *testing.T) {
	t.Parallel()
	template := "{metadata: {annotations: {" + asksForDates + "}}, spec: {containers: [{name: app, image: app}]}}"
	owned := func(name, pod string) string {
		return strings.Replace(pod, "uid: "+name, "uid: "+name+", ownerReferences: [{apiVersion: batch/v1, kind: Job, name: job, uid: job, controller: true}]", 1)
	}
	policy := shopPolicy(t)
	current := injected(t, owned("current", podItem("current", asksForDates, "")), "--policy", policy, "-o", "json")
	older := strings.Replace(strings.ReplaceAll(current, `"current"`, `"older"`), `"--interval=1s"`, `"--interval=9s"`, 1)
	cluster := func(denial string, pods ...string) making {
		f := shop(pods...)
		f["/apis/batch/v1/namespaces/shop/jobs/job"] = "{apiVersion: batch/v1, kind: Job, metadata: {name: job, namespace: shop, uid: job}, spec: {template: " + template + "}}"
		return making{f, t, policy, denial}
	}
	t.Run("one that is as it would be made now has no difference", func(t *testing.T) {
		t.Parallel()
		if r := call("", cluster("", current).args("diff", "job", "job")...); r.code != exitOK || r.out+r.errOut != "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("an older one and one without helpers are told apart", func(t *testing.T) {
		t.Parallel()
		missing := owned("missing", podItem("missing", "a: b", ""))
		r := call("", cluster("", older, missing, current).args("diff", "job/job", "-U", "0")...)
		if r.code != exitRefused || r.errOut != "" {
			t.Errorf("got %+v", r)
		}
		wantGolden(t, "diff-live.txt", anyHash.ReplaceAllString(r.out, "HASH"))
	})
	for name, c := range map[string]struct {
		denial, want string
		pods         []string
	}{
		"a pod that would be denied": {"admission webhook \"w\" denied the request: no", "error: the cluster denies a pod of Job job made now: admission webhook \"w\" denied the request: no\n", []string{current}},
		"no right to create pods":    {"jane cannot create resource \"pods\"", "error: trying a pod of Job job in namespace shop: jane cannot create resource \"pods\"\n", []string{current}},
		"no pod":                     {"", "error: Job job of namespace shop has no pod to compare\n", nil},
	} {
		t.Run(name+" is exit code 2", func(t *testing.T) {
			t.Parallel()
			if r := call("", cluster(c.denial, c.pods...).args("diff", "job/job")...); r.code != exitFailed || r.out != "" || r.errOut != c.want {
				t.Errorf("got %+v", r)
			}
		})
	}
}
