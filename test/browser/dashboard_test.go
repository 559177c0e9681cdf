// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// mistaken has a typo in line 6.
const mistaken = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    git-poller.pillion.dev/rep: https://github.com/acme/site.git
    git-poller.pillion.dev/mount-path: /html
spec:
  containers: [{name: web, image: nginx}]
`

func TestAPersonWithAKeyboard(t *testing.T) {
	makePods(t)
	address := dashboard(t)
	b := open(t, address)

	b.wait(`document.querySelectorAll("#pods > tbody[data-words]").length >= 3`)
	if got, want := b.text("#summary"), "2 of 3 pods need attention"; got != want {
		t.Errorf("the summary is %q, want %q", got, want)
	}
	table := b.text("#pods")
	for _, want := range []string{"failing", "Failing", "HelperFailing pillion-git-poller cannot start, ImagePullBackOff: no such image", "Missing", "good", "pillion-date-writer"} {
		if !strings.Contains(table, want) {
			t.Errorf("there is no %q in the table:\n%s", want, table)
		}
	}
	if hash := get(b, chromedp.Evaluate[string](`location.href`)); strings.Contains(hash, "token") {
		t.Errorf("the address bar keeps the token: %s", hash)
	}

	// By keyboard alone: to the filter, what does not match goes away.
	way := b.tabTo("words")
	if len(way) < 2 || way[0] != "a#pods" || way[1] != "a#manifest" {
		t.Errorf("Tab comes to the filter by %v; first are links that skip", way)
	}
	b.do(chromedp.KeyEvent("failing"))
	b.wait(`[...document.querySelectorAll("#pods > tbody[data-words]")].filter(b => !b.hidden).length === 1`)
	for range len("failing") {
		b.press(kb.Backspace)
	}
	b.tabTo("bad")
	b.press(" ")
	b.wait(`[...document.querySelectorAll("#pods > tbody[data-words]")].filter(b => !b.hidden).length === 2`)
	b.press(" ")

	// A policy opens by keyboard, and stays open, with the focus, when the page is renewed.
	b.tabTo("summary")
	b.press(kb.Enter)
	b.wait(`document.querySelector("details[open]") !== null`)
	b.run(`document.getElementById("summary").textContent = "renewed?"; shown.clear()`)
	b.wait(`document.getElementById("summary").textContent !== "renewed?"`)
	if at := b.focus(); at != "summary" {
		t.Errorf("after a renewal the focus is at %q", at)
	}
	b.wait(`document.querySelector("details[open]") !== null`)
	b.pictures("pods")

	// Into the box: a mistake, its line, and what it should be.
	b.tabTo("manifest")
	b.do(chromedp.KeyEvent(mistaken))
	b.wait(`document.getElementById("verdict").textContent.includes("did you mean")`)
	verdict := b.text("#verdict")
	for _, want := range []string{"✗ Pod/web of namespace default: Denied", "Line 6", `has no option "rep"; did you mean "git-poller.pillion.dev/repo"?`} {
		if !strings.Contains(verdict, want) {
			t.Errorf("there is no %q in the verdict:\n%s", want, verdict)
		}
	}
	b.pictures("mistake")
	b.run(`(() => { const m = document.getElementById("manifest"); const at = m.value.indexOf("/rep:") + 4; m.setSelectionRange(at, at); })()`)
	b.do(chromedp.KeyEvent("o"))
	b.wait(`document.getElementById("verdict").textContent.includes("Pod/web of namespace default: Injected")`)
	b.tabTo("summary")
	b.press(kb.Enter)
	b.wait(`document.querySelector("#diff[open]") !== null`)
	if diff := b.text("#diff"); !strings.Contains(diff, "+ - name: pillion-git-poller") {
		t.Errorf("the difference is\n%s", diff)
	}
	b.pictures("injected")
	b.narrow()

	// A pod that comes now shows up without a reload.
	makePod(t, "later", map[string]string{"date-writer.pillion.dev/mount-path": "/html"})
	b.wait(`document.getElementById("pods").textContent.includes("later")`)
	b.clean(address)
}

func TestAPersonWithRightsInOneNamespace(t *testing.T) {
	makePods(t)
	ctx := t.Context()
	const name = "jane"
	if _, err := clients.CoreV1().ServiceAccounts("shop").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}}}
	if _, err := clients.RbacV1().Roles("shop").Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: name, APIGroup: rbacv1.GroupName}, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: "shop"}}}
	if _, err := clients.RbacV1().RoleBindings("shop").Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	address := dashboard(t, "--as", "system:serviceaccount:shop:"+name, "-n", "shop")
	b := open(t, address)
	b.wait(`document.querySelectorAll("#pods > tbody[data-words]").length >= 3`)
	if got, want := b.text("#summary"), "2 of 3 pods need attention"; got != want {
		t.Errorf("the summary is %q, want %q", got, want)
	}
	notes := b.text("#view")
	for _, want := range []string{"namespace shop", "What is not known", "pods are listed every 30s instead: watching pods:", "mutatingwebhookconfigurations", "which policy the namespace picks", "the policies of the cluster"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the page does not say %q:\n%s", want, notes)
		}
	}
	b.pictures("few-rights")
	b.clean(address)
}

func TestWithoutTheTokenThePageSaysWhatToDo(t *testing.T) {
	address, _, _ := strings.Cut(dashboard(t), "#")
	b := open(t, address)
	b.wait(`!document.getElementById("ended").hidden`)
	if got := b.text("#ended"); got != "Open the address that kubectl pillion dashboard printed, with the token in it." {
		t.Errorf("it says %q", got)
	}
	// Another page of this browser, and another user of this machine, get nothing.
	for _, path := range []string{"view", "judge"} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Errorf("GET /%s without a token is answered", path)
		}
	}
	other := filepath.Join(t.TempDir(), "other.html")
	if err := os.WriteFile(other, []byte(`<script>fetch("`+address+`view", {headers: {Authorization: "Bearer x"}}).then(() => document.title = "read", () => document.title = "refused")</script>`), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := open(t, "file://"+other)
	foreign.wait(`document.title !== ""`)
	if title := get(foreign, chromedp.Title()); title != "refused" {
		t.Errorf("a page of another origin has %s the view", title)
	}
}
