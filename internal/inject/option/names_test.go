// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"strings"
	"testing"
)

// valueTest is one row of a table of values: the canonical form, or why it is denied.
type valueTest struct{ name, value, want, why string }

func testValues(t *testing.T, option string, tests []valueTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, got := parseOne(t, option, tt.value)
			if tt.why != "" {
				if want := wrong(tt.value, tt.why); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				return
			}
			if got != "" || v.Text != tt.want {
				t.Fatalf("got %q, %s; want %q", v.Text, got, tt.want)
			}
			if again, problem := parseOne(t, option, v.Text); problem != "" || again.Text != v.Text {
				t.Errorf("the canonical form is not its own canonical form: got %q, %s", again.Text, problem)
			}
		})
	}
}

func TestARefIsABranchATagOrAFullHash(t *testing.T) {
	t.Parallel()
	const (
		revision = "must be a branch, a tag or a full commit hash, not a revision expression"
		special  = `must not contain a space or any of ~ ^ : ? * [ \`
		part     = "must not have a part that is empty, begins with '.' or ends with .lock"
		option   = "must not begin with '-'"
	)
	hash40, hash64 := strings.Repeat("0123456789", 4), strings.Repeat("01234567", 8)
	testValues(t, "ref", []valueTest{
		{"a branch", "main", "main", ""},
		{"a branch in directories", "feature/a/b", "feature/a/b", ""},
		{"a full name", "refs/heads/main", "refs/heads/main", ""},
		{"a tag", "v1.2.3-rc.1+build", "v1.2.3-rc.1+build", ""},
		{"the default branch of the remote", "HEAD", "HEAD", ""},
		{"an @ inside", "release@2026", "release@2026", ""},
		{"a part that ends with a dot, as git takes it", "a./b", "a./b", ""},
		{"a minus that is not at the beginning", "a/-b", "a/-b", ""},
		{"punctuation that git takes", "a!b#c%d&e'f(g)h,i;j<k=l>m|n{o}p", "a!b#c%d&e'f(g)h,i;j<k=l>m|n{o}p", ""},
		{"a dollar", "a$(HOME)b$c", "a$(HOME)b$c", ""},
		{"a shortened hash is a name", "deadbeef", "deadbeef", ""},
		{"a SHA-1 hash", hash40, hash40, ""},
		{"a SHA-256 hash", hash64, hash64, ""},
		{"a hash in upper case becomes lower case", strings.Repeat("ABCDEF0123", 4), strings.Repeat("abcdef0123", 4), ""},
		{"a branch in upper case does not", "ABCDEF", "ABCDEF", ""},
		{"a hash of 39 digits is a name", hash40[:39], hash40[:39], ""},
		{"a hash of 41 digits is a name", hash40 + "0", hash40 + "0", ""},
		{"255 bytes", strings.Repeat("a", 255), strings.Repeat("a", 255), ""},

		{"a lone @", "@", "", revision},
		{"an entry of the reflog", "main@{1}", "", revision},
		{"an upstream", "@{u}", "", revision},
		{"a range", "a..b", "", revision},
		{"a way to the parent directory", "../../etc/passwd", "", revision},
		{"an ancestor", "main~1", "", special},
		{"a parent", "main^", "", special},
		{"a path in a commit", "main:a", "", special},
		{"a refspec", "main:refs/heads/x", "", special},
		{"a question mark", "ma?n", "", special},
		{"a star", "*", "", special},
		{"a bracket", "ma[i]n", "", special},
		{"a backslash", `a\b`, "", special},
		{"a space", "a b", "", special},
		{"a dot at the end", "main.", "", "must not end with '.'"},
		{"a slash at the beginning", "/main", "", part},
		{"a slash at the end", "main/", "", part},
		{"two slashes", "a//b", "", part},
		{"a slash alone", "/", "", part},
		{"a hidden part", "a/.b", "", part},
		{"a hidden name", ".a", "", part},
		{"a lock file", "main.lock", "", part},
		{"a lock file inside", "a.lock/b", "", part},
		{"an option", "-x", "", option},
		{"a long option", "--upload-pack=touch${IFS}x", "", option},
	})
	t.Run("256 bytes are too many", func(t *testing.T) {
		t.Parallel()
		_, got := parseOne(t, "ref", strings.Repeat("a", 256))
		if want := wrong(strings.Repeat("a", 128)+"… (256 bytes)", "is 256 bytes long; a ref has at most 255"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestAMountPathIsACleanPathThatBreaksNothing(t *testing.T) {
	t.Parallel()
	const (
		absolute = "must be an absolute path, such as /usr/share/nginx/html"
		special  = `must not contain ':' or '\'`
	)
	hides := func(p string) string {
		return "would hide all of " + p + " in the container; name a directory below it"
	}
	lies := func(tree string) string {
		return "lies in " + tree + ", where a mount can break or undermine the container; choose another directory, such as /srv/site"
	}
	clean := func(p string) string { return `must be a clean path: write "` + p + `"` }
	tests := []valueTest{
		{"the docroot of nginx", "/usr/share/nginx/html", "/usr/share/nginx/html", ""},
		{"a directory of the root", "/html", "/html", ""},
		{"a directory of a home", "/home/app/site", "/home/app/site", ""},
		{"a directory of opt", "/opt/site", "/opt/site", ""},
		{"a directory of var", "/var/www", "/var/www", ""},
		{"a directory of var/lib", "/var/lib/site", "/var/lib/site", ""},
		{"a directory of run", "/run/site", "/run/site", ""},
		{"the configuration of nginx", "/etc/nginx/conf.d", "/etc/nginx/conf.d", ""},
		{"rules of Prometheus", "/etc/prometheus/rules", "/etc/prometheus/rules", ""},
		{"dashboards of Grafana", "/etc/grafana/provisioning", "/etc/grafana/provisioning", ""},
		{"a directory that begins like accounts", "/etc/passwd-manager", "/etc/passwd-manager", ""},
		{"the docroot of Apache", "/usr/local/apache2/htdocs", "/usr/local/apache2/htdocs", ""},
		{"a directory that begins like a forbidden one", "/etcetera", "/etcetera", ""},
		{"another one", "/library", "/library", ""},
		{"a directory with the name of a forbidden one further in", "/srv/etc", "/srv/etc", ""},
		{"dots that are not a segment", "/srv/..a/b..", "/srv/..a/b..", ""},
		{"a space inside", "/srv/my site", "/srv/my site", ""},
		{"a dollar", "/srv/$(HOME)", "/srv/$(HOME)", ""},

		{"a relative path", "html", "", absolute},
		{"a relative path with a dot", "./html", "", absolute},
		{"a path of another system", `C:\html`, "", absolute},
		{"a path from home", "~/html", "", absolute},
		{"a slash at the end", "/html/", "", clean("/html")},
		{"two slashes", "/a//b", "", clean("/a/b")},
		{"two slashes at the beginning", "//a", "", clean("/a")},
		{"a dot", "/a/./b", "", clean("/a/b")},
		{"two dots", "/a/../b", "", clean("/b")},
		{"two dots at the end", "/srv/site/..", "", clean("/srv")},
		{"two dots above the root", "/../a", "", clean("/a")},
		{"a way into a forbidden tree", "/srv/../etc", "", clean("/etc")},
		{"a colon", "/a:b", "", special},
		{"a mount option", "/a:ro", "", special},
		{"a backslash", `/a\b`, "", special},
		{"the place of the token", "/var/run/secrets/kubernetes.io/serviceaccount", "", lies("/var/run/secrets")},
		{"the place of the token by its other name", "/run/secrets/kubernetes.io/serviceaccount", "", lies("/run/secrets")},
		{"shared memory", "/dev/shm", "", lies("/dev")},
		{"a file of the kernel", "/proc/self/exe", "", lies("/proc")},
		{"a directory of programs", "/usr/bin/site", "", lies("/usr/bin")},
		{"all of the configuration", "/etc", "", lies("/etc")},
	}
	for _, p := range []string{"/", "/home", "/opt", "/root", "/run", "/usr", "/usr/local", "/usr/share", "/var", "/var/lib", "/var/run"} {
		tests = append(tests, valueTest{"all of " + p, p, "", hides(p)})
	}
	for _, p := range []string{
		"/bin", "/boot", "/dev", "/etc/passwd", "/etc/ssh", "/etc/ssl", "/etc/ld.so.conf.d", "/etc/resolv.conf", "/etc/cron.d", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr/bin", "/usr/lib",
		"/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/sbin", "/run/secrets", "/var/run/secrets",
	} {
		tests = append(tests, valueTest{"the tree " + p, p, "", lies(p)}, valueTest{"below the tree " + p, p + "/x/y", "", lies(p)})
	}
	testValues(t, "mount-path", tests)
}

func TestASubdirStaysInTheRepository(t *testing.T) {
	t.Parallel()
	const (
		clean    = `must be a clean path inside the repository, such as public or docs/site, without "." or ".." segments`
		absolute = "must be a path inside the repository, without the leading slash"
		git      = "must not be git's own directory"
	)
	testValues(t, "subdir", []valueTest{
		{"a directory", "public", "public", ""},
		{"a directory in a directory", "docs/site", "docs/site", ""},
		{"a hidden directory", ".well-known/acme", ".well-known/acme", ""},
		{"a directory that begins like git's own", ".github", ".github", ""},
		{"a directory that begins with a minus", "-x", "-x", ""},
		{"dots that are not a segment", "..a/b..", "..a/b..", ""},
		{"a space inside", "my site", "my site", ""},
		{"a dollar", "$(HOME)/$x", "$(HOME)/$x", ""},

		{"the root itself", ".", "", clean},
		{"the root as a slash", "/", "", absolute},
		{"an absolute path", "/etc", "", absolute},
		{"the parent", "..", "", clean},
		{"below the parent", "../x", "", clean},
		{"a way out", "a/../..", "", clean},
		{"a way out and in", "a/../b", "", clean},
		{"a way far out", "a/../../../etc", "", clean},
		{"a dot at the beginning", "./a", "", clean},
		{"a slash at the end", "a/", "", clean},
		{"two slashes", "a//b", "", clean},
		{"a backslash", `a\b`, "", `must use '/' between directories, not '\'`},
		{"a way out with backslashes", `..\..\etc`, "", `must use '/' between directories, not '\'`},
		{"git's own directory", ".git", "", git},
		{"below git's own directory", ".git/hooks", "", git},
	})
}

func TestAFileNameIsOneSegment(t *testing.T) {
	t.Parallel()
	const (
		directory = "must be a file name without directories; the directory is the option mount-path"
		name      = "must be a file name, such as index.html"
	)
	testValues(t, "file", []valueTest{
		{"a file", "index.html", "index.html", ""},
		{"a hidden file", ".date", ".date", ""},
		{"a file that begins with a minus", "-x", "-x", ""},
		{"a space inside", "the date.txt", "the date.txt", ""},
		{"a dollar", "$(HOME)", "$(HOME)", ""},

		{"a directory", "a/b", "", directory},
		{"an absolute path", "/a", "", directory},
		{"a way out", "../a", "", directory},
		{"a directory of another system", `a\b`, "", directory},
		{"the directory itself", ".", "", name},
		{"the parent", "..", "", name},
		{"a name that the kubelet's atomic writer uses", "..data", "", name},
	})
}

func TestAPartOfAPathIsAtMost255BytesLong(t *testing.T) {
	t.Parallel()
	long, longer := strings.Repeat("a", 255), strings.Repeat("a", 256)
	const why = "has a part of 256 bytes; a file name has at most 255"
	for _, tt := range []struct{ name, option, prefix string }{
		{"of a mount path", "mount-path", "/srv/"},
		{"of a subdir", "subdir", "docs/"},
		{"of a file name", "file", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if v, got := parseOne(t, tt.option, tt.prefix+long); got != "" || v.Text != tt.prefix+long {
				t.Errorf("255 bytes are denied: %s", got)
			}
			_, got := parseOne(t, tt.option, tt.prefix+longer)
			shown := fmt.Sprintf("%s… (%d bytes)", (tt.prefix + longer)[:128], len(tt.prefix+longer))
			if want := wrong(shown, why); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
