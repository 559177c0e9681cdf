// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/check"
	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/gitstatus"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// onlyVisible fails at the first character that a terminal obeys, or that hides or forges
// what is read.
func onlyVisible(t *testing.T, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && !visible(r) {
			t.Fatalf("there is %q in %q", r, text[max(0, i-20):min(len(text), i+20)])
		}
	}
}

func TestWhatIsVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain text, ü, 日本, ✓ €":              "plain text, ü, 日本, ✓ €",
		"":                                    "",
		"a\x1b[2Jb":                           `a\x1b[2Jb`,
		"a\nb\tc\rd\x00e\x7ff\bg\x07":         `a\nb\tc\x0dd\x00e\x7ff\x08g\x07`,
		"a\u009b31mb\u0085c":                  `a\u009b31mb\u0085c`,
		"\u202eevil\u202c \u2066x\u061c":      `\u202eevil\u202c \u2066x\u061c`,
		"a\u200bb\u200dc\ufeffd\u2060e\u00ad": `a\u200bb\u200dc\ufeffd\u2060e\u00ad`,
		"a\u2028b\u2029c":                     `a\u2028b\u2029c`,
		"a\u00a0b\u3000c\u2003":               `a\u00a0b\u3000c\u2003`,
		"\u3164\u115f\u1160\uffa0\u2800":      `\u3164\u115f\u1160\uffa0\u2800`,
		"e\u0301\u20dd\ufe0f":                 `e\u0301\u20dd\ufe0f`,
		"\U000e0041\ue000\U0010ffff":          `\U000e0041\ue000\U0010ffff`,
		"a\xffb\xc2":                          `a\xffb\xc2`,
		"\ufffd":                              `\ufffd`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
		onlyVisible(t, printable(text))
	}
	if got := printable(strings.Repeat("é", longestText)); len(got) > longestText+16 {
		t.Errorf("a long text is printed with %d bytes", len(got))
	}
}

// evil are texts that do something to a terminal or to a table.
var evil = map[string]string{
	"a terminal escape":      "v0.1.0\x1b[2J\x1b[31mowned",
	"an escape in one byte":  "v0.1.0\u009b2J",
	"a title":                "v0.1.0\x1b]0;owned\x07",
	"a row":                  "v0.1.0\nforged  Current  pillion-git-poller  v1  web  sha256:00",
	"a carriage return":      "v0.1.0\rforged   Current",
	"a column":               "v0.1.0\tweb\tsha256:00",
	"writing from the right": "v0.1.0\u202eforged",
	"zero width":             "v0.1.0\u200b\u200d",
	"backspaces":             "v0.1.0\b\b\b\b\b\bv9.9.9",
	"a line separator":       "v0.1.0\u2028forged",
	"a byte that is none":    "v0.1.0\xff\xfe",
}

// annotated is an item for a pod with any texts as annotations.
func annotated(t testing.TB, name string, annotations map[string]string) string {
	t.Helper()
	raw, err := json.Marshal(annotations)
	if err != nil {
		t.Fatal(err)
	}
	return podItem(name, strings.Trim(string(printableJSON(raw)), "{}"), "")
}

func TestStatusShowsNothingThatAPodsAuthorForged(t *testing.T) {
	t.Parallel()
	for name, text := range evil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forged, err := json.Marshal(map[string]any{
				"version": text, "policy": text, "policyHash": text, "result": "Injected", "reason": text,
				"helpers": []any{map[string]any{"helper": text, "reason": text}}, "renewed": []any{text},
			})
			if err != nil {
				t.Fatal(err)
			}
			f := shop(annotated(t, "liar", map[string]string{asksKey: "/html", inject.StatusAnnotation: string(forged)}), podItem("bare", asksForDates, ""))
			got := said(t, exitRefused, "", append(f.flags(t), "status")...)
			want := `POD   STATE    HELPERS  VERSION  POLICY  HASH
liar  Missing  -        -        -       -
bare  Missing  -        -        -       -

shop/liar
  ✗ ForeignStatus: the annotation pillion.dev/status was not written by Pillion: it does not have the form that Pillion gives it, so nothing in it is shown or believed
    fix: take the annotation out of what makes the pod, then delete the pod and create it again
  ✗ NotInjected: the pod requests a helper and has none: its annotations came after Pillion was called, or another webhook took everything away
    fix: delete the pod and create it again

shop/bare
  ✗ NotInjected: the pod requests a helper and has none: its annotations came after Pillion was called, or another webhook took everything away
    fix: delete the pod and create it again
`
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, args := range [][]string{{"explain", "pod", "liar"}, {"status", "-o", "json"}, {"explain", "pod", "liar", "-o", "json"}} {
				r := call("", append(f.flags(t), args...)...)
				onlyVisible(t, r.out+r.errOut)
				if !strings.Contains(r.out, "was not written by Pillion") || strings.Contains(r.out, "forged") || strings.Contains(r.out, "owned") {
					t.Errorf("%v prints\n%s%s", args, r.out, r.errOut)
				}
			}
		})
	}
}

const asksKey = "date-writer.pillion.dev/mount-path"

// Values of options, names of keys, and messages of the API server are printed, but only so
// that they can be read.
func TestOtherTextsOfOthersAreMadePrintable(t *testing.T) {
	t.Parallel()
	for name, text := range evil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text = strings.ToValidUTF8(text, "\u0001")
			f := shop(annotated(t, "liar", map[string]string{asksKey: "/" + text, "date-writer.pillion.dev/" + text: text, "date-writer.pillion.dev/file": text}))
			quoted, _ := json.Marshal("no " + text)
			f["/api/v1/namespaces/shop/pods/gone"] = "{apiVersion: v1, kind: Status, status: Failure, reason: NotFound, code: 404, message: " + string(printableJSON(quoted)) + "}"
			for _, args := range [][]string{{"status"}, {"explain", "pod", "liar"}, {"explain", "pod", "gone"}, {"explain", "pod", text}, {"status", "--policy", text}} {
				r := call("", append(f.flags(t), args...)...)
				onlyVisible(t, r.out+r.errOut)
				if strings.Contains(r.out, "\nforged") {
					t.Errorf("%v prints a forged row:\n%s", args, r.out)
				}
			}
		})
	}
}

// What check says quotes containers and webhooks of others.
func TestCheckPrintsNoEscapes(t *testing.T) {
	t.Parallel()
	for name, text := range evil {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, output := range []string{"text", "json"} {
				var b strings.Builder
				results := []check.Result{{Name: check.Replicas, Outcome: check.Failed, Message: "p waits: " + text, Remedy: text}}
				if err := printList(&b, output, results, checkText); err != nil {
					t.Fatal(err)
				}
				onlyVisible(t, b.String())
				if lines := strings.Count(b.String(), "\n"); output == "text" && lines != 4 {
					t.Errorf("%d lines:\n%s", lines, b.String())
				}
			}
		})
	}
}

// JSON stays the same data.
func TestJSONThatIsPrintableIsTheSame(t *testing.T) {
	t.Parallel()
	for name, text := range evil {
		value := []map[string]string{{"key": text + "\U000e0041ü✓"}}
		var plain, got any
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &plain); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := printList(&b, "json", value, nil); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil || !reflect.DeepEqual(plain, got) {
			t.Errorf("%s: got %v (%v), want %v", name, got, err, plain)
		}
	}
}

// Whatever annotations a pod has, there are as many rows as pods, and no character that
// cannot be seen.
func FuzzStatusTable(f *testing.F) {
	f.Add(`{"version":"v1","result":"Injected","reason":"Requested"}`, "/html", "web")
	for _, text := range evil {
		f.Add(`{"version":"`+text+`","result":"Injected","reason":"Requested"}`, "/"+text, text)
	}
	policies := &explain.Policies{ByName: map[string]*inject.Policy{"default": policy.Builtin()}}
	f.Fuzz(func(t *testing.T, status, path, name string) {
		look := &explain.Look{Injector: injector(), Policies: policies, Cluster: &explain.Cluster{NamespaceName: "shop", Labels: map[string]string{}}, Newest: explain.Newest{}}
		var pods []podStatus
		for i, annotations := range []map[string]string{{asksKey: path}, {asksKey: path, inject.StatusAnnotation: status}, {asksKey: "/html"}} {
			raw, err := json.Marshal(map[string]any{
				"metadata": map[string]any{"name": fmt.Sprint(name, i), "namespace": name, "annotations": annotations},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "app"}}, "initContainers": []any{map[string]any{"name": "pillion-" + name}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			in, err := explain.ReadPod(raw)
			if err != nil {
				return
			}
			look.Newest.Add(in)
			said := &gitstatus.Status{Commit: status, Failures: i, LastError: &gitstatus.Poll{Reason: name, Message: status}}
			pods = append(pods, podStatus{look.Judge(in), []content{{Container: "pillion-" + name, Status: said}, {Container: path, Error: status}}, path})
		}
		var b strings.Builder
		if err := printList(&b, "text", pods, (&statusOptions{all: true, output: "wide"}).text); err != nil {
			t.Fatal(err)
		}
		onlyVisible(t, b.String())
		rows, _, _ := strings.Cut(b.String(), "\n\n")
		if got := strings.Count(rows, "\n"); got != len(pods) {
			t.Errorf("%d rows of %d pods:\n%s", got, len(pods), b.String())
		}
	})
}
