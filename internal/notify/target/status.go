// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"strconv"
	"strings"
)

// Statuses is a set of HTTP statuses, such as 2xx, or 200 and 304.
type Statuses struct {
	text     string
	classes  [10]bool // by the first digit
	statuses map[int]bool
}

// ParseStatuses reads a comma list of statuses (204) and classes of statuses (2xx).
func ParseStatuses(text string) (Statuses, error) {
	s := Statuses{statuses: map[int]bool{}}
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		class, all := strings.CutSuffix(word, "xx")
		n, err := strconv.ParseUint(class, 10, 16)
		switch {
		case err == nil && all && len(class) == 1 && n >= 2 && n <= 5:
			s.classes[n] = true
		case err == nil && !all && len(class) == 3 && n >= 200 && n <= 599:
			s.statuses[int(n)] = true
		default:
			return Statuses{}, fmt.Errorf("has the status %q, which must be a number between 200 and 599, or a class such as 2xx; several are separated by commas: 2xx,304", word)
		}
		words = append(words, word)
	}
	s.text = strings.Join(words, ",")
	return s, nil
}

// Match reports whether a status is in the set.
func (s Statuses) Match(status int) bool {
	return s.statuses[status] || status >= 0 && status < 1000 && s.classes[status/100]
}

func (s Statuses) String() string { return s.text }
