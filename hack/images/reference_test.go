// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"testing"
)

// The names are read from the sources rather than imported: this module does not
// depend on the one that it builds.
func TestTheImagesHaveTheNamesThatPodsAskFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, pattern, want string
	}{
		{"../../config/webhook/deployment.yaml", `(?m)^ +image: (\S+)$`, defaultRegistry + "/pillion-webhook:" + defaultTag},
		{"../../config/certificates/cronjob.yaml", `(?m)^ +image: (\S+)$`, defaultRegistry + "/pillion-certificates:" + defaultTag},
		{"../../charts/pillion/Chart.yaml", `(?m)^appVersion: (\S+)$`, defaultTag},
		{"../../charts/pillion/values.yaml", `(?m)^ +repository: (\S+/pillion-webhook)$`, defaultRegistry + "/pillion-webhook"},
		{"../../charts/pillion/values.yaml", `(?m)^ +repository: (\S+/pillion-certificates)$`, defaultRegistry + "/pillion-certificates"},
		{"../../charts/pillion/values.yaml", `(?m)^ +repository: (\S+/pillion-kubectl)$`, defaultRegistry + "/pillion-kubectl"},
		{"../../internal/policy/types.go", `(?m)^const DefaultImage = "(.*)"$`, defaultRegistry + "/pillion-helper:" + defaultTag},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		matches := regexp.MustCompile(c.pattern).FindAllSubmatch(text, -1)
		if len(matches) != 1 {
			t.Errorf("%s: %d lines match %s, want one", c.file, len(matches), c.pattern)
			continue
		}
		if got := string(matches[0][1]); got != c.want {
			t.Errorf("%s says %q, but the images are built as %q", c.file, got, c.want)
		}
	}
}
