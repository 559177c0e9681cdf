// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// width is where lines are cut that can be, and about how long a list or object on one line may
// be. Commands and what they print are never cut.
const width = 100

const (
	bold   = "\x1b[1m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[1;34m"
	cyan   = "\x1b[36m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

// A printer writes lines, and remembers them for a recording.
type printer struct {
	out    io.Writer
	colour bool
	lines  []styled
}

// styled is one line and its style, or "".
type styled struct{ style, text string }

// newPrinter uses colour on a terminal, unless NO_COLOR (no-color.org) or the
// terminal's type forbid it.
func newPrinter(f *os.File) *printer {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &printer{out: f, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p *printer) line(style, text string) {
	p.lines = append(p.lines, styled{style, text})
	if p.colour && style != "" {
		text = style + text + reset
	}
	fmt.Fprintln(p.out, text)
}

func (p *printer) step(i, n int, title string) {
	if i > 1 {
		p.line("", "")
	}
	p.line(blue, fmt.Sprintf("[%d/%d] %s", i, n, title))
}

// command prints a command as it can be typed: with quotes where a shell needs them, and on
// more than one line if it is long.
func (p *printer) command(words ...string) {
	line := "$"
	for _, word := range words {
		if strings.ContainsAny(word, " *?$'\"\\;&|<>()") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		if len(line)+len(word)+len("  \\") > width {
			p.line(bold, line+" \\")
			line = "   "
		}
		line += " " + word
	}
	p.line(bold, line)
}

// text prints the output of a command, if there is any.
func (p *printer) text(output string) {
	for line := range strings.Lines(strings.TrimRight(output, " \n")) {
		line = strings.TrimRight(line, "\n")
		style := ""
		if strings.HasPrefix(line, "Warning:") {
			style = yellow
		}
		p.line(style, line)
	}
}

// cut shortens a line to the width.
func cut(line string) string {
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return line
}

// progress prints what starts a control plane.
type progress struct {
	out  *printer
	rest []byte // of a line
}

func (p *progress) Write(data []byte) (int, error) {
	p.rest = append(p.rest, data...)
	for {
		line, rest, found := bytes.Cut(p.rest, []byte("\n"))
		if !found {
			return len(data), nil
		}
		p.out.line(dim, strings.TrimPrefix(string(line), "controlplane: "))
		p.rest = rest
	}
}

// sections prints what was written as it is, and what was added in green and
// with a plus.
func (p *printer) sections(sections []section) error {
	for _, s := range sections {
		if empty(s.added) {
			continue
		}
		p.line("", "  "+s.path+":")
		if err := p.block(dim, "    ", s.wrote); err != nil {
			return err
		}
		if err := p.block(green, "+   ", s.added); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) block(style, prefix string, value any) error {
	if empty(value) {
		return nil
	}
	text, err := compact(value)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		p.line(style, cut(prefix+strings.TrimSuffix(line, "\n")))
	}
	return nil
}

func empty(value any) bool { return value == nil || reflect.ValueOf(value).Len() == 0 }

// compact is YAML with the fields in the order of their Go type, and with small
// lists and objects on one line.
func compact(value any) (string, error) {
	data, err := json.Marshal(value) // which YAML can read, and which keeps the order
	if err != nil {
		return "", err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return "", err
	}
	for _, element := range doc.Content {
		element.Style = 0
		for _, child := range element.Content {
			restyle(child)
		}
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return "", err
	}
	return out.String(), enc.Close()
}

// restyle puts what is short on one line, and writes strings without quotes
// where they need none.
func restyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		restyle(child)
	}
	if len(n.Content) > 0 && length(n) < width {
		n.Style = yaml.FlowStyle
	}
}

// length is about how long a node is on one line.
func length(n *yaml.Node) int {
	size := len(n.Value) + 2
	for _, child := range n.Content {
		size += length(child)
	}
	return size
}
