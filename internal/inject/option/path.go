// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// AbsolutePath is where a container sees a volume.
var AbsolutePath = Kind{Name: "absolute path", Parse: parseMountPath}

// RelativePath is a path below the root of a repository.
var RelativePath = Kind{Name: "relative path", Parse: parseSubdir}

// FileName is one segment of a path.
var FileName = Kind{Name: "file name", Parse: parseFileName}

// MaxSegment is NAME_MAX of the file systems in use.
const MaxSegment = 255

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
	if err := Segments(text[1:]); err != nil {
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
	return Value{Text: text}, Segments(text)
}

func parseFileName(text string) (Value, error) {
	switch {
	case strings.ContainsAny(text, `/\`):
		return Value{}, errors.New("must be a file name without folders; the folder is the option mount-path")
	case text == "." || strings.HasPrefix(text, ".."):
		return Value{}, errors.New("must be a file name, such as index.html")
	}
	return Value{Text: text}, Segments(text)
}

// Segments checks the parts of a path.
func Segments(text string) error {
	for s := range strings.SplitSeq(text, "/") {
		if len(s) > MaxSegment {
			return fmt.Errorf("has a part of %d bytes; a file name has at most %d", len(s), MaxSegment)
		}
	}
	return nil
}
