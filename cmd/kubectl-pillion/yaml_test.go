// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every testdata/NAME.in.yaml becomes testdata/NAME.want.yaml, with its comments and in
// its order, and holds the same data as the JSON output.
func TestYAMLKeepsCommentsAndOrder(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.in.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := injected(t, string(text))
			wantGolden(t, name+".want.yaml", got)
			for line := range strings.Lines(string(text)) {
				if _, comment, found := strings.Cut(line, "# "); found && !strings.Contains(got, strings.TrimSpace(comment)) {
					t.Errorf("the comment %q is lost", comment)
				}
			}
			data := documentsOf(t, got)
			asJSON := documentsOf(t, injected(t, string(text), "-o", "json"))
			if len(data) > 1 { // then JSON is a List of the documents
				asJSON, _ = at(asJSON[0], "items").([]any)
			}
			if diff := cmp.Diff(asJSON, data); diff != "" {
				t.Errorf("the YAML says something else than the JSON (-json +yaml):\n%s", diff)
			}
			if again := injected(t, got); again != got {
				t.Errorf("a second pass changes the text:\n%s", cmp.Diff(got, again))
			}
		})
	}
}

func TestOtherKindsAreNotTouched(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a ConfigMap in a style of its own": "# head\nkind:   ConfigMap\n\n\ndata: {\"a\":   'b',  c: \"yes\",\n   d: 010}   # tail\ntext: >-\n    folded\n\n    twice\nlast: |+\n  kept\n\n",
		"a pod that asks for nothing":       "apiVersion: v1\nkind: Pod\nmetadata: {name:   web}\nspec:\n    containers:\n        -   name: web   # one\n",
		"a kind of others without a pod":    "apiVersion: example.com/v1\nkind:   Deployment\nspec: {containers:   [{name: a}]}\n",
		"an object without a kind":          "a: 1   # one\nb:   [1,  2]\n",
		"anchors, aliases and merge keys":   "a: &a {b: 1}\nc:   *a\nd:\n  <<:   *a\n  e:   2\n",
		"a CustomResourceDefinition's list": "apiVersion: v1\nkind: SecretList\nitems:\n-   kind: Secret\n",
		"a kind that ends in List":          "kind: AllowList\nspec:   {a: 1}\n",
		"tags and odd keys":                 "kind: !!str   X\n? complex\n: 1\n\"quoted key\":   ~\n",
		"what has no line end":              "kind: X\nlast:   1",
		"dates, numbers and booleans":       "kind: X\na:   2001-01-01\nb: 1_000\nc: 0o7\nd: yes\ne: 1e3\n",
	} {
		t.Run(name+" passes byte for byte", func(t *testing.T) {
			t.Parallel()
			want := strings.TrimSuffix(text, "\n") + "\n"
			if strings.HasSuffix(text, "\n\n") {
				want = text
			}
			if diff := cmp.Diff(want, injected(t, text)); diff != "" {
				t.Errorf("alone (-in +out):\n%s", diff)
			}
			around := injected(t, podOf("Pod", "v1")+"---\n"+text+"\n---\n"+podOf("Pod", "v1"))
			if !strings.Contains(around, "\n---\n"+strings.TrimRight(text, "\n")+"\n") {
				t.Errorf("between two pods it became\n%s", around)
			}
		})
	}
}

func TestYAMLForms(t *testing.T) {
	t.Parallel()
	pod := podOf("Pod", "v1")
	plain := injected(t, pod)
	for name, text := range map[string]string{
		"a document marker before":          "---\n" + pod,
		"a document marker with a comment":  "--- # the pod\n" + pod,
		"empty documents around":            "---\n---\n" + pod + "---\n---\n",
		"a document end behind":             pod + "...\n",
		"line ends of Windows":              strings.ReplaceAll(pod, "\n", "\r\n"),
		"no line end":                       strings.TrimSuffix(pod, "\n"),
		"empty lines before":                "\n\n" + pod,
		"spaces at the ends of lines":       strings.ReplaceAll(pod, ":\n", ":  \n"),
		"lists that are indented":           strings.Replace(pod, "  - name: web\n    image: nginx\n", "    - name: web\n      image: nginx\n", 1),
		"a pod in flow style":               "{apiVersion: v1, kind: Pod, metadata: {name: web, annotations: {date-writer.pillion.dev/mount-path: /html}}, spec: {containers: [{name: web, image: nginx}]}}\n",
		"a pod as JSON":                     `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","annotations":{"date-writer.pillion.dev/mount-path":"/html"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}`,
		"JSON over several lines":           "\n  {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\n\"metadata\":{\"name\":\"web\",\"annotations\":{\"date-writer.pillion.dev/mount-path\":\"/html\"}},\n\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"nginx\"}]}}",
		"an annotation in single quotes":    strings.Replace(pod, "/html", "'/html'", 1),
		"an annotation as a folded scalar":  strings.Replace(pod, "/html", ">-\n      /html", 1),
		"an annotation as a block scalar":   strings.Replace(pod, "/html", "|-\n      /html", 1),
		"annotations that have an alias":    strings.Replace(pod, "  annotations:\n    ", "  annotations: &a\n    ", 1) + "x: *a\n",
		"lists that are null":               strings.Replace(pod, "spec:\n", "spec:\n  volumes:\n  initContainers: null\n  imagePullSecrets: ~\n", 1),
		"lists that are empty":              strings.Replace(pod, "spec:\n", "spec:\n  volumes: []\n  initContainers: []\n", 1),
		"a pod that is merged from another": "x: &p\n  kind: Pod\n  apiVersion: v1\n" + "<<: *p\n" + strings.Replace(strings.Replace(pod, "kind: Pod\n", "", 1), "apiVersion: v1\n", "", 1),
	} {
		t.Run(name+" gives the same pod", func(t *testing.T) {
			t.Parallel()
			got := documentsOf(t, injected(t, text))
			if len(got) != 1 {
				t.Fatalf("%d documents", len(got))
			}
			delete(got[0].(map[string]any), "x")
			spec, _ := at(got[0], "spec").(map[string]any)
			if spec["imagePullSecrets"] == nil {
				delete(spec, "imagePullSecrets")
			}
			if diff := cmp.Diff(documentsOf(t, plain), got); diff != "" {
				t.Errorf("(-plain +got):\n%s", diff)
			}
		})
	}
	t.Run("a key of the pod that overrides a merged one", func(t *testing.T) {
		t.Parallel()
		got := documentsOf(t, injected(t, pod+"  - &base\n    name: api\n    image: nginx\n  - <<: *base\n    name: job\n"))
		if name := at(got[0], "spec", "containers", 2, "name"); name != "job" {
			t.Errorf("the third container is %v", name)
		}
	})
	t.Run("an alias of a container is a container of its own", func(t *testing.T) {
		t.Parallel()
		got := documentsOf(t, injected(t, strings.Replace(pod, "  - name: web\n", "  - &web\n    name: web\n", 1)+"x: *web\n"))
		if at(got[0], "x", "volumeMounts") != nil || at(got[0], "spec", "containers", 0, "volumeMounts") == nil {
			t.Errorf("got %v", got[0])
		}
	})
}

func TestJSONOutput(t *testing.T) {
	t.Parallel()
	t.Run("of one document is the object", func(t *testing.T) {
		t.Parallel()
		got := injected(t, podOf("Pod", "v1"), "-o", "json")
		if !strings.HasPrefix(got, "{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"Pod\",") || !strings.HasSuffix(got, "\n}\n") {
			t.Errorf("got\n%s", got)
		}
	})
	t.Run("of several documents is a List, in their order", func(t *testing.T) {
		t.Parallel()
		list := documentsOf(t, injected(t, podOf("Pod", "v1")+"---\nkind: ConfigMap\ndata: {a: \"<&>\"}\n---\n"+podOf("Job", "batch/v1"), "-o", "json"))
		for i, kind := range []string{"Pod", "ConfigMap", "Job"} {
			if at(list[0], "items", i, "kind") != kind {
				t.Errorf("item %d is a %v", i, at(list[0], "items", i, "kind"))
			}
		}
		if at(list[0], "kind") != "List" || at(list[0], "apiVersion") != "v1" {
			t.Errorf("it is a %v", at(list[0], "kind"))
		}
	})
	t.Run("keeps characters as they are", func(t *testing.T) {
		t.Parallel()
		if got := injected(t, "kind: ConfigMap\ndata: {a: \"<&>é\"}\n", "-o", "json"); !strings.Contains(got, `"<&>é"`) {
			t.Errorf("got %s", got)
		}
	})
}
