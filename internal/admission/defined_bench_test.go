// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/pillion-dev/pillion/internal/policy"
)

// BenchmarkReviewWithDefinitions is one review of a pod with a git-poller while this many
// definitions are loaded, which it does not ask for: none of them in the policy, or all.
func BenchmarkReviewWithDefinitions(b *testing.B) {
	definition, err := os.ReadFile("testdata/defined-log-shipper/helper.yaml")
	if err != nil {
		b.Fatal(err)
	}
	raw := []byte(`{"metadata":{"annotations":{"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/srv/site"}},"spec":{"containers":[{"name":"web"}]}}`)
	for _, c := range []struct {
		n      int
		listed bool
	}{{0, false}, {50, false}, {50, true}} {
		var files []policy.File
		listed := "git-poller: {}"
		for i := range c.n {
			name := fmt.Sprintf("shipper-%d", i)
			files = append(files, policy.File{Name: name, Data: bytes.ReplaceAll(definition, []byte("log-shipper"), []byte(name))})
			if c.listed {
				listed += ", " + name + ": {}"
			}
		}
		files = append(files, policy.File{Name: "default.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: default}\nspec: {helpers: {" + listed + "}}\n")})
		policies, errs := policy.Load(files)
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		b.Run(fmt.Sprintf("definitions=%d,listed=%t", c.n, c.listed), func(b *testing.B) {
			for b.Loop() {
				if _, err := Inject(testInjector, policies["default"], raw, Template{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
