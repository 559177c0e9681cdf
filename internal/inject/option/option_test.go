// SPDX-License-Identifier: Apache-2.0

package option

import "testing"

func TestAListReadsAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words   []string
		and, or string
	}{
		{nil, "", ""},
		{[]string{"a"}, "a", `"a"`},
		{[]string{"a", "b"}, "a and b", `"a" or "b"`},
		{[]string{"a", "b", "c"}, "a, b and c", `"a", "b" or "c"`},
	} {
		if and, or := JoinAnd(tt.words), JoinOr(tt.words); and != tt.and || or != tt.or {
			t.Errorf("%v reads %s and %s", tt.words, and, or)
		}
	}
}

func TestOneBoundIsABound(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Option{
		"the minimum alone": {Kind: Integer, Min: "5"},
		"the maximum alone": {Kind: Integer, Max: "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beyond := map[bool]string{true: "4", false: "6"}[o.Min != ""]
			if _, err := o.Parse("5"); err != nil {
				t.Errorf("the bound itself: %v", err)
			}
			if _, err := o.Parse(beyond); err == nil {
				t.Errorf("%s passes", beyond)
			}
		})
	}
}
