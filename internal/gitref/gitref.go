// SPDX-License-Identifier: Apache-2.0

// Package gitref has the grammar of what a git-poller can be asked for: one for the webhook,
// which answers its author, and for the program in the pod, which would do the harm.
package gitref

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxLength is how long a name is at most, in bytes: that of a file, as which git keeps it.
const maxLength = 255

var fullHash = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)

// Parse returns a ref in its canonical form: a full hash in small letters, or a name as it is.
// It applies the grammar of git-check-ref-format(1), in printable ASCII, and refuses besides
// what begins with '-', which a command line takes for an option. A name need not be full:
// main, heads/main, tags/v1.0 and pull/1/head are what git's own rules complete
// (gitrevisions(7)). The error completes the sentence "the ref …" and says what would be right.
func Parse(text string) (string, error) {
	if fullHash.MatchString(text) {
		return strings.ToLower(text), nil
	}
	switch {
	case text == "":
		return "", errors.New("must be HEAD, a branch, a tag or a full commit hash")
	case len(text) > maxLength:
		return "", fmt.Errorf("is %d bytes long; a ref has at most %d", len(text), maxLength)
	case strings.HasPrefix(text, "-"):
		return "", errors.New("must not begin with '-'")
	case text == "@" || strings.Contains(text, "@{") || strings.Contains(text, ".."):
		return "", errors.New("must be a branch, a tag or a full commit hash, not a revision expression")
	case strings.ContainsAny(text, ` ~^:?*[\`):
		return "", errors.New(`must not contain a space or any of ~ ^ : ? * [ \`)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", errors.New("must consist of printable ASCII characters")
	case strings.HasSuffix(text, "."):
		return "", errors.New("must not end with '.'")
	}
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return "", errors.New("must not have a part that is empty, begins with '.' or ends with .lock")
		}
	}
	return text, nil
}

// IsHash reports whether a canonical ref is a full hash, which always means the same.
func IsHash(ref string) bool { return fullHash.MatchString(ref) }

// IsSHA256 reports whether a canonical ref is a full hash of a repository with SHA-256.
func IsSHA256(ref string) bool { return len(ref) == 64 && IsHash(ref) }
