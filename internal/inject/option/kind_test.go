// SPDX-License-Identifier: Apache-2.0

package option

import (
	"strings"
	"testing"
)

func TestAnErrorShowsOnlyTheBeginningOfALongValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want string }{
		{"128 bytes are shown", strings.Repeat("a", 128), strings.Repeat("a", 128)},
		{"of 129 bytes the first 128 are", strings.Repeat("a", 129), strings.Repeat("a", 128) + "… (129 bytes)"},
		{"a character that the cut goes through is left out", strings.Repeat("a", 127) + "é", strings.Repeat("a", 127) + "… (129 bytes)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := GitRef.Shown(tt.value); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAURLAtTheLimitOfLengthIsTaken(t *testing.T) {
	t.Parallel()
	url := "https://github.com/" + strings.Repeat("a", 2048-len("https://github.com/"))
	if v, problem := parseOne(t, "repo", url); problem != "" || v.Text != url {
		t.Errorf("2048 bytes are denied: %s", problem)
	}
}
