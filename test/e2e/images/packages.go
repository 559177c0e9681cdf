// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// seeds are the packages whose programs the stories use.
func seeds() []string {
	return []string{
		"busybox-static", "git", "nginx", "nginx-common", "openssh-client", "openssh-server",
		"haproxy", "rclone", "rsyslog", "tinyproxy-bin", // examples/helpers
	}
}

// isLibrary tells the dependencies that are needed to run a program from those
// that install, configure or document it. That it is right is found out by
// checkLibraries.
func isLibrary(pkg string) bool {
	switch {
	case strings.HasPrefix(pkg, "libpam-"), strings.HasPrefix(pkg, "libsasl2-modules"), strings.HasSuffix(pkg, "-common"), strings.HasSuffix(pkg, "-perl"):
		return false
	default:
		return strings.HasPrefix(pkg, "lib") || pkg == "zlib1g"
	}
}

// closure is seeds and all libraries that they need, sorted.
func closure(dependencies map[string][]string, seeds []string) []string {
	found := map[string]bool{}
	for next := slices.Clone(seeds); len(next) > 0; {
		pkg := next[0]
		next = next[1:]
		if found[pkg] {
			continue
		}
		found[pkg] = true
		for _, d := range dependencies[pkg] {
			if isLibrary(d) {
				next = append(next, d)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// parseDependencies reads what apt-cache depends --recurse prints: a package at
// the start of a line, its dependencies below, indented by two columns, and the
// packages that provide a dependency indented by four. Of several alternatives,
// which have a | but the last, only the first counts.
func parseDependencies(text string) map[string][]string {
	dependencies := map[string][]string{}
	pkg, taken := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		kind, name, is := strings.Cut(line, "epends: ")
		switch {
		case strings.HasPrefix(line, "    "):
		case is:
			if !taken {
				dependencies[pkg] = append(dependencies[pkg], name)
			}
			taken = strings.HasPrefix(kind, " |")
		default:
			pkg, taken = line, false
		}
	}
	return dependencies
}

// A deb is a package that apt can get.
type deb struct {
	pkg    string
	file   string // has the version and the architecture in it
	sha256 string // in hex
}

// parseURIs reads what apt-get download --print-uris prints: for each package the
// quoted address, the file name, the size and the hash.
func parseURIs(text string) ([]deb, error) {
	var debs []deb
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		hash, is := "", false
		if len(fields) == 4 {
			hash, is = strings.CutPrefix(fields[3], "SHA256:")
		}
		if !is {
			return nil, fmt.Errorf("apt-get describes a package as %q; it should have an address, a file name, a size and a SHA256 hash", strings.TrimSpace(line))
		}
		pkg, _, _ := strings.Cut(fields[1], "_")
		debs = append(debs, deb{pkg: pkg, file: fields[1], sha256: hash})
	}
	return debs, nil
}

// locate finds out which packages are needed and which versions of them the
// machine's package lists have. It needs no network.
func locate(ctx context.Context) ([]deb, error) {
	text, err := ask(apt(ctx, "apt-cache", append([]string{"depends", "--important", "--recurse"}, seeds()...)...))
	if err != nil {
		return nil, err
	}
	packages := closure(parseDependencies(text), seeds())
	text, err = ask(apt(ctx, "apt-get", append([]string{"download", "--print-uris"}, packages...)...))
	if err != nil {
		return nil, err
	}
	return parseURIs(text)
}

// ask is what cmd answers from the package lists. If they are missing, apt has a
// complaint for each package, of which one is enough.
func ask(cmd *exec.Cmd) (string, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		complaint, _, _ := strings.Cut(stderr.String(), "\n")
		return "", fmt.Errorf("the package lists are missing or old; run `apt-get update` as root: %s: %w: %s", cmd.Args[0], err, complaint)
	}
	return stdout.String(), nil
}

// apt is an apt command that answers in the language of the parsers here.
func apt(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}
