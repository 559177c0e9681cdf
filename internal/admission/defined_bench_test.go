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
// definitions are loaded, which it does not ask for.
func BenchmarkReviewWithDefinitions(b *testing.B) {
	definition, err := os.ReadFile("testdata/defined-log-shipper/helper.yaml")
	if err != nil {
		b.Fatal(err)
	}
	raw := []byte(`{"metadata":{"annotations":{"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/srv/site"}},"spec":{"containers":[{"name":"web"}]}}`)
	for _, n := range []int{0, 50} {
		files := []policy.File{{Name: "default.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: default}\nspec: {helpers: {git-poller: {}}}\n")}}
		for i := range n {
			files = append(files, policy.File{Name: fmt.Sprint(i), Data: bytes.ReplaceAll(definition, []byte("log-shipper"), fmt.Appendf(nil, "shipper-%d", i))})
		}
		policies, errs := policy.Load(files)
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		b.Run(fmt.Sprintf("definitions=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Inject(testInjector, policies["default"], raw, Template{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
