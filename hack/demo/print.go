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

// width is where lines are cut, and about how long a list or object on one line may be.
const width = 110

const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	dim   = "\x1b[2m"
	reset = "\x1b[0m"
)

type printer struct {
	out    io.Writer
	colour bool
}

// newPrinter uses colour on a terminal, unless NO_COLOR (no-color.org) or the
// terminal's type forbid it.
func newPrinter(f *os.File) *printer {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &printer{out: f, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p *printer) line(style, text string) {
	if p.colour && style != "" {
		text = style + text + reset
	}
	fmt.Fprintln(p.out, text)
}

func (p *printer) title(text string)       { p.line(bold, "\n"+text) }
func (p *printer) command(words ...string) { p.title("$ " + strings.Join(words, " ")) }
func (p *printer) text(output string)      { p.line("", strings.TrimSpace(output)) }

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
		line = prefix + strings.TrimSuffix(line, "\n")
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width-1]) + "…"
		}
		p.line(style, line)
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
