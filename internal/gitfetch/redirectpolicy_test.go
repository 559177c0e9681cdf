// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"net/url"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// The webhook hands a policy's patterns down as they are written. The oracle is the code by
// which it has compared the repository with them.
func FuzzRedirectsAreComparedAsTheWebhookCompares(f *testing.F) {
	for _, c := range [][2]string{
		{"https://github.com/acme/*", "https://github.com/acme/site.git"},
		{"https://github.com/acme/*", "https://github.com/acmes/site"},
		{"https://*:*/*", "https://git.acme.example:8443/x"},
		{"https://*", "https://169.254.169.254/x"},
		{"https://[fd00::1]:8443/*", "https://[fd00::1]:8443/x"},
		{"https://[::ffff:10.0.0.1]/*", "https://10.0.0.1/x"},
		{"http://git.acme.example", "http://git.acme.example/x"},
		{"https://GitHub.com/acme/site", "https://github.com/acme/site"},
		{"https://git.acme.example/a%20b/*", "https://git.acme.example/a%20b/c"},
		{"https://git.acme.example/acme/*", "https://git.acme.example/acme/../x"},
		{"ssh://git@github.com/*", "https://github.com/x"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, text, target string) {
		policy, err := option.Repository.Pattern(text)
		if err != nil {
			return
		}
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return
		}
		ours, err := parsePatterns([]string{text})
		if err != nil {
			t.Fatalf("the policy takes the pattern %q: %v", text, err)
		}
		covers := ours.cover(u.JoinPath(infoRefs), false)
		v, err := option.Repository.Read(target)
		switch allowed := err == nil && policy.Matches(v); {
		case covers && err == nil && !allowed:
			t.Errorf("a redirect to %q is followed, and %q does not allow that", target, text)
		case !covers && allowed && v.Text == target && !strings.ContainsAny(text+target, "%?") && !strings.Contains(text, "::ffff:"):
			t.Errorf("a redirect to %q is not followed, and %q allows it", target, text)
		}
	})
}
