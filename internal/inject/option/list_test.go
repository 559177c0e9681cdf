// SPDX-License-Identifier: Apache-2.0

package option

import (
	"strings"
	"testing"
)

func TestAListMayHaveAsManyBytesAsAValue(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("a", MaxValue/2)
	if text, err := JoinList([]string{half, half[1:]}); len(text) != MaxValue || err != nil {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	const want = "is 2049 bytes long with all defaults written out; the limit is 2048"
	if _, err := JoinList([]string{half, half}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
