// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// command encodes a request of version 2.
func (g *greeting) command(name string, arguments ...string) []byte {
	out := appendPacket(nil, "command="+name)
	if g.has("agent") {
		out = appendPacket(out, "agent="+strings.ReplaceAll(agent, " ", "-"))
	}
	if g.has("object-format") {
		out = appendPacket(out, "object-format=sha1")
	}
	out = append(out, delimiterPacket...)
	for _, a := range arguments {
		out = appendPacket(out, a)
	}
	return append(out, flushPacket...)
}

// listRefs asks for what the wanted ref could mean, and for the default branch, which an
// error can name.
func (g *greeting) listRefs(l *listing) []byte {
	arguments := []string{"peel", "symrefs"}
	if strings.Contains(g.capabilities["ls-refs"], "unborn") {
		arguments = append(arguments, "unborn")
	}
	for _, name := range l.asked() {
		arguments = append(arguments, "ref-prefix "+name)
	}
	return g.command("ls-refs", arguments...)
}

// readList reads the answer: a ref a line, and what it points to behind its name.
func (l *listing) readList(in *packets) error {
	for {
		kind, err := in.next()
		if err != nil {
			return broken(err, "list of refs", "early")
		}
		if kind == flush {
			return nil
		}
		hash, rest, found := strings.Cut(in.text(), " ")
		name, attributes, _ := strings.Cut(rest, " ")
		if hash == "unborn" && name == "HEAD" {
			l.unborn = true
		} else if err := l.readLine(hash, name, found, in.text()); err != nil {
			return err
		}
		for a := range strings.FieldsSeq(attributes) {
			key, value, _ := strings.Cut(a, ":")
			switch {
			case key == "symref-target" && name == "HEAD":
				l.head = value
			case key == "peeled" && hash40.MatchString(value):
				l.addPeeled(plumbing.NewHash(value))
			}
		}
	}
}

// fetch encodes a request for a pack.
func (g *greeting) fetch(o order) []byte {
	arguments := []string{"no-progress", "ofs-delta"}
	if g.fetches("shallow") {
		arguments = append(arguments, o.shallow()...)
	}
	if !o.have.IsZero() {
		arguments = append(arguments, "thin-pack", "have "+o.have.String())
	}
	if o.filter != "" {
		arguments = append(arguments, "filter "+o.filter)
	}
	for _, want := range o.wants {
		arguments = append(arguments, "want "+want.String())
	}
	return g.command("fetch", append(arguments, "done")...)
}

// readSections reads what precedes the pack.
func readSections(in *packets) error {
	for {
		kind, err := in.next()
		if err != nil {
			return broken(err, "answer", "before the pack")
		}
		switch section := in.text(); {
		case kind == content && section == "packfile":
			return nil
		case kind == content && section == "shallow-info":
			if err := readShallow(in, delimiter); err != nil {
				return err
			}
		default:
			return failf(BadServer, "the server does not answer a request for a pack as git's protocol says, but with %s", foreign(section))
		}
	}
}
