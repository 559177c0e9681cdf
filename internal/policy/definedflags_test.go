// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

// A pod chooses values of the arguments that a definition has, and never another argument.
func TestAValueIsNoFlagOfADefinedHelper(t *testing.T) {
	t.Parallel()
	tag := func(args, pattern, example string) string {
		d := strings.Replace(shipper, `{prefix: "--tag=", option: tag}`, args, 1)
		return strings.Replace(d, `pattern: "[a-z$()A-Z]+", example: "a,b"`, `pattern: "`+pattern+`", example: "`+example+`"`, 1)
	}
	const alone, wide = "{option: tag}", "[-=/a-z]+"
	for _, tt := range []struct {
		name, definition, value string
		denied                  bool
	}{
		{"a value that is a flag", tag(alone, wide, "a,b"), "--config=/x", true},
		{"one of several that is", tag(alone, wide, "a,b"), "a,-c", true},
		{"a value with a dash inside", tag(alone, wide, "a,b"), "a-b", false},
		{"behind the name of a flag", tag(`{prefix: "--tag=", option: tag}`, wide, "a,b"), "-c", false},
		{"behind the end of flags", tag(`--, {option: tag}`, wide, "a,b"), "-c", false},
		{"where the example is one", tag(alone, wide, "-v"), "-vv", false},
		{"in a probe", strings.Replace(tag(`{prefix: "--tag=", option: tag}`, wide, "a,b"), "{httpGet: {path: /ready, port: 2021}}", "{exec: {command: [/ready, {option: tag}]}}", 1), "-c", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := load(t, tt.definition, "log-shipper")
			of, err := pod.Decode([]byte(`{"metadata":{"annotations":{"log-shipper.pillion.dev/mount-path":"/var/log/app","log-shipper.pillion.dev/tag":"` + tt.value + `"}},"spec":{"containers":[{"name":"web"}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			d := inject.Injector{}.Decide(of, p, nil)
			if denied := d.Result == reason.Denied; denied != tt.denied {
				t.Errorf("denied is %v, want %v: %s", denied, tt.denied, d.Message())
			}
		})
	}
}
