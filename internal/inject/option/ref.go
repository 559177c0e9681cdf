// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// GitRef is a branch, a tag or a full commit hash.
var GitRef = Kind{Name: "git ref", Parse: parseRef}

var fullHash = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)

// parseRef applies the grammar of git-check-ref-format(1), and refuses in addition
// what begins with '-', which a command line takes for an option.
func parseRef(text string) (Value, error) {
	if fullHash.MatchString(text) {
		return Value{Text: strings.ToLower(text)}, nil
	}
	switch {
	case len(text) > 255:
		return Value{}, fmt.Errorf("is %d bytes long; a ref has at most 255", len(text))
	case strings.HasPrefix(text, "-"):
		return Value{}, errors.New("must not begin with '-'")
	case text == "@" || strings.Contains(text, "@{") || strings.Contains(text, ".."):
		return Value{}, errors.New("must be a branch, a tag or a full commit hash, not a revision expression")
	case strings.ContainsAny(text, ` ~^:?*[\`):
		return Value{}, errors.New(`must not contain a space or any of ~ ^ : ? * [ \`)
	case strings.HasSuffix(text, "."):
		return Value{}, errors.New("must not end with '.'")
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return Value{}, errors.New("must not have a part that is empty, begins with '.' or ends with .lock")
		}
	}
	return Value{Text: text}, nil
}
