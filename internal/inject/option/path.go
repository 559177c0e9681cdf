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

// forbiddenBelow are trees in which a mounted volume breaks a container: kernel interfaces and
// credentials.
var forbiddenBelow = []string{"/boot", "/dev", "/proc", "/sys", "/run/secrets", "/var/run/secrets"}

// closedBelow are trees in which a mounted volume can undermine a container: programs and their
// libraries; and of the configuration accounts, what the loader loads, how names are resolved,
// whom TLS trusts, and what runs at a login or by the clock. A policy can open a place in them.
var closedBelow = []string{
	"/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin",
	"/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/sbin",
	"/usr/local/bin", "/usr/local/lib", "/usr/local/sbin",
	"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/login.defs",
	"/etc/sudoers", "/etc/sudoers.d", "/etc/doas.conf", "/etc/doas.d", "/etc/pam.d", "/etc/pam.conf", "/etc/security", "/etc/shells", "/etc/polkit-1",
	"/etc/ssh", "/etc/krb5.conf", "/etc/krb5.conf.d", "/etc/krb5.keytab", "/etc/ldap", "/etc/openldap", "/etc/sssd",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/ld-musl-x86_64.path", "/etc/ld-musl-aarch64.path",
	"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
	"/etc/ssl", "/etc/ssl1.1", "/etc/pki", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies", "/etc/gnutls",
	"/etc/profile", "/etc/profile.d", "/etc/bash.bashrc", "/etc/bashrc", "/etc/environment", "/etc/alternatives", "/etc/gitconfig",
	"/etc/crontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/anacrontab", "/etc/periodic",
	"/etc/init.d", "/etc/inittab", "/etc/rc.d", "/etc/systemd", "/etc/s6-overlay", "/etc/apt", "/etc/apk", "/etc/yum.repos.d", "/etc/dnf",
}

// Closed is the error for a path that only a policy can open, by an entry of its allow list that
// names a place in the tree.
type Closed struct {
	Value Value
	Tree  string
}

func (e *Closed) Error() string { return undermines(e.Tree) }

func undermines(tree string) string {
	return "lies in " + tree + ", where a mount can break or undermine the container; choose another directory, such as /srv/site"
}

// OpenedBy reports whether a pattern opens the path: what stands before its first star has to lie
// in the tree, so that a pattern for everything opens nothing.
func (e *Closed) OpenedBy(p Pattern) bool {
	literal, _, _ := strings.Cut(p.String(), "*")
	return strings.HasPrefix(literal, e.Tree) && p.Matches(e.Value)
}

// Opened is a value that is right, or one that a policy can open and its author writes.
func Opened(v Value, err error) (Value, error) {
	if closed := (*Closed)(nil); errors.As(err, &closed) {
		return closed.Value, nil
	}
	return v, err
}

// forbiddenExactly are directories that hold such trees; a directory inside is fine.
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
		return Value{}, fmt.Errorf("would hide all of %s in the container; name a directory below it", text)
	}
	if text == "/etc" { // some of it is closed, so not all of it can be opened
		return Value{}, errors.New(undermines(text))
	}
	if tree := treeOf(text, forbiddenBelow); tree != "" {
		return Value{}, errors.New(undermines(tree))
	}
	if tree := treeOf(text, closedBelow); tree != "" {
		return Value{}, &Closed{Value{Text: text}, tree}
	}
	return Value{Text: text}, nil
}

// treeOf is the tree of a list that a path lies in; "" if it lies in none.
func treeOf(text string, trees []string) string {
	for _, tree := range trees {
		if text == tree || strings.HasPrefix(text, tree+"/") {
			return tree
		}
	}
	return ""
}

func parseSubdir(text string) (Value, error) {
	switch {
	case strings.HasPrefix(text, "/"):
		return Value{}, errors.New("must be a path inside the repository, without the leading slash")
	case path.Clean(text) != text || text == "." || text == ".." || strings.HasPrefix(text, "../"):
		return Value{}, errors.New(`must be a clean path inside the repository, such as public or docs/site, without "." or ".." segments`)
	case strings.Contains(text, `\`):
		return Value{}, errors.New(`must use '/' between directories, not '\'`)
	case text == ".git" || strings.HasPrefix(text, ".git/"):
		return Value{}, errors.New("must not be git's own directory")
	}
	return Value{Text: text}, Segments(text)
}

func parseFileName(text string) (Value, error) {
	switch {
	case strings.ContainsAny(text, `/\`):
		return Value{}, errors.New("must be a file name without directories; the directory is the option mount-path")
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
