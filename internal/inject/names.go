// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var fullHash = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`)

// shortHash is what `git log --oneline` prints: a commit to a person, a branch name
// to a server.
var shortHash = regexp.MustCompile(`^[0-9a-f]{7,39}$`)

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

// maxSegment is NAME_MAX of the file systems in use.
const maxSegment = 255

// forbiddenBelow are trees in which a mounted volume breaks or undermines a
// container: kernel interfaces, programs and their libraries, accounts, credentials.
var forbiddenBelow = []string{
	"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys",
	"/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/sbin",
	"/usr/local/bin", "/usr/local/lib", "/usr/local/sbin",
	"/run/secrets", "/var/run/secrets",
}

// forbiddenExactly are folders that hold such trees; a folder inside is fine.
var forbiddenExactly = []string{"/", "/home", "/opt", "/root", "/run", "/usr", "/usr/local", "/usr/share", "/var", "/var/lib", "/var/run"}

func parseMountPath(text string) (Value, error) {
	switch {
	case !strings.HasPrefix(text, "/"):
		return Value{}, errors.New("must be an absolute path, such as /usr/share/nginx/html")
	case path.Clean(text) != text:
		return Value{}, fmt.Errorf("must be a clean path: write %q", path.Clean(text))
	case strings.ContainsAny(text, `:\`):
		return Value{}, errors.New(`must not contain ':' or '\'`)
	}
	if err := segments(text[1:]); err != nil {
		return Value{}, err
	}
	if slices.Contains(forbiddenExactly, text) {
		return Value{}, fmt.Errorf("would hide all of %s in the container; name a folder below it", text)
	}
	for _, tree := range forbiddenBelow {
		if text == tree || strings.HasPrefix(text, tree+"/") {
			return Value{}, fmt.Errorf("lies in %s, where a mount can break or undermine the container; choose another folder, such as /srv/site", tree)
		}
	}
	return Value{Text: text}, nil
}

func parseSubdir(text string) (Value, error) {
	switch {
	case strings.HasPrefix(text, "/"):
		return Value{}, errors.New("must be a path inside the repository, without the leading slash")
	case path.Clean(text) != text || text == "." || text == ".." || strings.HasPrefix(text, "../"):
		return Value{}, errors.New(`must be a clean path inside the repository, such as public or docs/site, without "." or ".." segments`)
	case strings.Contains(text, `\`):
		return Value{}, errors.New(`must use '/' between folders, not '\'`)
	case text == ".git" || strings.HasPrefix(text, ".git/"):
		return Value{}, errors.New("must not be git's own folder")
	}
	return Value{Text: text}, segments(text)
}

func parseFileName(text string) (Value, error) {
	switch {
	case strings.ContainsAny(text, `/\`):
		return Value{}, errors.New("must be a file name without folders; the folder is the option mount-path")
	case text == "." || strings.HasPrefix(text, ".."):
		return Value{}, errors.New("must be a file name, such as index.html")
	}
	return Value{Text: text}, segments(text)
}

func segments(text string) error {
	for s := range strings.SplitSeq(text, "/") {
		if len(s) > maxSegment {
			return fmt.Errorf("has a part of %d bytes; a file name has at most %d", len(s), maxSegment)
		}
	}
	return nil
}
