// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func TestAKeyIsShownUnlessItIsLongOrNoText(t *testing.T) {
	t.Parallel()
	long := "a.pillion.dev/" + strings.Repeat("x", 114) // 128 bytes
	for name, tt := range map[string]struct{ key, want string }{
		"as it is":                {"a.pillion.dev/b", "a.pillion.dev/b"},
		"of the maximum size":     {long, long},
		"of one more":             {long + "y", long},
		"with a line of its own":  {"a.pillion.dev/b\nc", `a.pillion.dev/b\nc`},
		"with an invisible space": {"a.pillion.dev/\u200bb", `a.pillion.dev/\u200bb`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := shownKey(tt.key); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestTwentyProblemsAreToldAndTheRestCounted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		problems int
		last     string
	}{
		"twenty":     {20, "\n  20. p: Forbidden: 20"},
		"twenty-one": {21, "\n  and 1 more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d Decision
			for i := range tt.problems {
				d.Problems = append(d.Problems, reason.Problem{Error: field.Forbidden(field.NewPath("p"), fmt.Sprint(i+1))})
			}
			if got := d.Message(); !strings.HasSuffix(got, tt.last) || strings.Contains(got, "21.") {
				t.Errorf("the message ends otherwise than with %q:\n%s", tt.last, got)
			}
		})
	}
}
