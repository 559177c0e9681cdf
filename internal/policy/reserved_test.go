// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNoPolicyCanBeCalledUnknown(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: unknown}\nspec: {helpers: {}}\n"))
	if err == nil {
		t.Fatal("the policy was read")
	}
	want := "line 3: metadata.name: Forbidden: is what namespaces get whose label names no policy; choose another name"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("the error (-want +got):\n%s", diff)
	}
}
