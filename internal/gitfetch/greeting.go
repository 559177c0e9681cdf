// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"strings"
)

// readGreeting reads what the server says first. Refs that come with it go to l.
func readGreeting(in *packets, l *listing) (*greeting, error) {
	g := &greeting{capabilities: map[string]string{}}
	for n := 0; ; n++ {
		kind, err := in.next()
		if err != nil {
			return nil, broken(err, "list of refs", "early")
		}
		line := in.text()
		switch {
		case kind == flush:
			return g, g.check()
		case kind != content:
			return nil, failf(BadServer, "the server's list of refs does not end as git's protocol says")
		case n == 0 && strings.HasPrefix(line, "# service="):
			if kind, err := in.next(); err != nil || kind != flush {
				return nil, failf(BadServer, "the server's list of refs does not begin as git's protocol says")
			}
			n-- // the greeting itself begins now
		case n == 0 && line == "version 2":
			g.v2 = true
		case g.v2:
			name, value, _ := strings.Cut(line, "=")
			g.capabilities[name] = value
		case strings.HasPrefix(line, "version "), strings.HasPrefix(line, "shallow "):
		default:
			if err := g.readRef(line, l); err != nil {
				return nil, err
			}
		}
	}
}

func (g *greeting) check() error {
	switch {
	case g.capabilities["object-format"] == "sha256":
		return errSHA256
	case g.v2 && (!g.has("ls-refs") || !g.has("fetch")):
		return failf(BadServer, "the server speaks version 2 of git's protocol and does not list refs, or does not let them be fetched")
	}
	return nil
}

// readRef reads a line of the list of refs that comes with a greeting before version
// 2 (gitprotocol-pack(5)). The first has the capabilities behind it.
func (g *greeting) readRef(line string, l *listing) error {
	line, capabilities, _ := strings.Cut(line, "\x00")
	for c := range strings.FieldsSeq(capabilities) {
		name, value, _ := strings.Cut(c, "=")
		if name == "symref" {
			if branch, ok := strings.CutPrefix(value, "HEAD:"); ok {
				l.head = branch
			}
		}
		g.capabilities[name] = value
	}
	if err := g.check(); err != nil {
		return err
	}
	hash, name, found := strings.Cut(line, " ")
	if name == "capabilities^{}" { // stands in for the refs of an empty repository
		return nil
	}
	return l.readLine(hash, name, found, line)
}
