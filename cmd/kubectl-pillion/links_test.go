// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

// An error links to the heading of its option, which the reference has.
func TestLinksLeadToTheHeadingsOfTheReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reference/annotations.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../mkdocs.yml")
	if err != nil || !strings.Contains(string(config), "\nsite_url: "+site+"\n") {
		t.Errorf("the site is not at %s (%v)", site, err)
	}
	if !strings.Contains(string(config), "\nuse_directory_urls: false ") {
		t.Error("a page of the site does not end in .html")
	}
	var sarif bytes.Buffer
	if err := sarifReport(&sarif, nil); err != nil {
		t.Fatal(err)
	}
	for _, uri := range regexp.MustCompile(`"helpUri": *"([^"]*)"`).FindAllStringSubmatch(sarif.String(), -1) {
		name, found := strings.CutPrefix(strings.TrimSuffix(uri[1], ".html")+".md", site)
		if _, err := os.Stat("../../docs/" + name); !found || err != nil || !strings.HasSuffix(uri[1], ".html") {
			t.Errorf("SARIF links to %s, which is no page of the site (%v)", uri[1], err)
		}
	}
	if !strings.Contains(sarif.String(), "helpUri") {
		t.Error("SARIF has no links")
	}
	for _, h := range helpers.Builtin().All() {
		for i := range h.Options {
			name := h.Options[i].Name
			want := site + "reference/annotations.html#" + h.Name + "-" + name
			for _, key := range []string{h.Key("", name), h.Key("docs", name)} {
				if got := optionLink("spec.template.metadata.annotations[" + key + "]"); got != want {
					t.Errorf("%s: got %q, want %q", key, got, want)
				}
			}
			if !strings.Contains(string(page), "\n### "+h.Name+": "+name+"\n") {
				t.Errorf("the reference has no heading for %s of %s", name, h.Name)
			}
		}
	}
	for _, field := range []string{"", "spec.containers[0].name", "metadata.annotations", "metadata.annotations[git-poler.pillion.dev/repo]", "metadata.annotations[git-poller.pillion.dev/rep]", "metadata.annotations[git-poller.pillion.dev]"} {
		if got := optionLink(field); got != "" {
			t.Errorf("%s: got %q", field, got)
		}
	}
}
