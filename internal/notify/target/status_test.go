// SPDX-License-Identifier: Apache-2.0

package target

import (
	"strings"
	"testing"
)

func FuzzStatusesMatchWhatTheySay(f *testing.F) {
	for _, seed := range []string{"2xx", "200", "200,204", "2xx, 304", "xx", "1xx", "6xx", "20", "+2xx", "2XX", "2xx,", "0200"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStatuses(text)
		if err != nil {
			return
		}
		again, err := ParseStatuses(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q comes out as %q, which is %v", text, s, err)
		}
		for status := range 1000 {
			digits := []byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)}
			want := false
			for word := range strings.SplitSeq(s.String(), ",") {
				want = want || word == string(digits) || word == string(digits[:1])+"xx"
			}
			if got := s.Match(status); got != want {
				t.Errorf("%q matches %d: %v, want %v", text, status, got, want)
			}
		}
	})
}

func TestAStatusThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "xx", "1xx", "6xx", "100", "600", "20", "2000", "2xx,", "2xx;304", "ok", "-2xx", "+200"} {
		_, err := ParseStatuses(text)
		word := text
		if text == "2xx," {
			word = ""
		}
		want := `has the status "` + word + `", which must be a number between 200 and 599, or a class such as 2xx; several are separated by commas: 2xx,304`
		if err == nil || err.Error() != want {
			t.Errorf("%q: got the error %v", text, err)
		}
	}
}
