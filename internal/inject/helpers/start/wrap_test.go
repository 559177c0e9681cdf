// SPDX-License-Identifier: Apache-2.0

package start

import "testing"

func TestAWrapperIsKnownByItsForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		command []string
		want    int // words in front
	}{
		{"no command", nil, 0},
		{"a command of the app", []string{"/app", "run", "--", "x"}, 0},
		{"the program alone", []string{wrapper}, 0},
		{"another verb", []string{wrapper, "probe", "--", "x"}, 0},
		{"no end", []string{wrapper, "run", "--wait=mqueue:/a"}, 0},
		{"nothing behind the end", []string{wrapper, "run", "--wait=mqueue:/a", "--"}, 0},
		{"a word that is no flag", []string{wrapper, "run", "x", "--", "y"}, 0},
		{"a wrapper", []string{wrapper, "run", "--wait=mqueue:/a", "--", "x"}, 4},
		{"a wrapper without flags", []string{wrapper, "run", "--", "x"}, 3},
		{"a wrapper of a command that has a -- itself", []string{wrapper, "run", "--umask=0002", "--", "x", "--", "y"}, 4},
		{"a wrapper of what only looks like one", []string{wrapper, "run", "--umask=0002", "--", wrapper, "run", "--"}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := wrapperOf(tt.command); got != tt.want {
				t.Errorf("%d words in front of %q, want %d", got, tt.command, tt.want)
			}
		})
	}
}
