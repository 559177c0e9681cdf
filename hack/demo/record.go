// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"
)

// What a recording looks like, in pixels and in characters. A monospaced font of 13 pixels is at
// most 7.83 pixels wide.
const (
	columns    = width
	rows       = 30
	lineHeight = 18
	margin     = 18
	titleBar   = 30
	picture    = 820 // wide
)

// How long a recording takes: until the last line is there, and until it starts again.
const (
	playing = 30 * time.Second
	holding = 4 * time.Second
)

// noBreakSpace stands for each space: browsers differ in how they are told to keep those.
const noBreakSpace = "\u00a0"

// classes are the CSS classes of the printer's styles.
var classes = map[string]string{bold: "b", green: "g", yellow: "y", blue: "s", cyan: "c", dim: "d"}

// The colours are readable on the dark ground that the picture brings along, whatever page it is in.
const stylesheet = `text{font:13px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",Consolas,monospace;fill:#d1d7e0}
.b{fill:#fff;font-weight:600}.g{fill:#56d364}.y{fill:#e3b341}.s{fill:#79c0ff;font-weight:600}.c{fill:#76e3ea}.d{fill:#9198a1}
.r{animation-duration:%[1]gs;animation-timing-function:step-end;animation-iteration-count:infinite}
@media (prefers-reduced-motion:reduce){.r{animation:none!important}}
`

func writeRecording(file string, lines []styled) error {
	return os.WriteFile(file, recording(lines), 0o644) //nolint:gosec // G306: a picture of the documentation.
}

// recording is an SVG that shows lines as they came. It plays without a script, and where nothing is
// animated it shows the end. The pauses are made for reading: they follow from the lines alone, so
// that the same output is the same picture, byte for byte.
func recording(lines []styled) []byte {
	screen := wrap(lines)
	times := schedule(screen)
	height := titleBar + rows*lineHeight + margin
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>What make demo prints</title>
<desc>A recording of the output of a run of make demo. The pauses are made for reading.</desc>
<style>
`, picture, height)
	total := (playing + holding).Seconds()
	fmt.Fprintf(&out, stylesheet, total)
	keyframes(&out, times)
	fmt.Fprintf(&out, `</style>
<rect width="%[1]d" height="%[2]d" rx="8" fill="#0d1117"/>
<circle cx="20" cy="15" r="5" fill="#ff5f57"/><circle cx="38" cy="15" r="5" fill="#febc2e"/><circle cx="56" cy="15" r="5" fill="#28c840"/>
<text x="%[3]d" y="20" text-anchor="middle" class="d">make demo</text>
<clipPath id="w"><rect y="%[4]d" width="%[1]d" height="%[5]d"/></clipPath>
<g clip-path="url(#w)"><g class="r" style="animation-name:scroll" transform="translate(0,%[6]d)">
`, picture, height, picture/2, titleBar, rows*lineHeight+margin/2, -lineHeight*scrolled(len(screen)))
	for i, line := range screen {
		if line.text == "" {
			continue
		}
		fmt.Fprintf(&out, `<text class="%s" style="animation-name:a%d" x="%d" y="%d">`, strings.TrimSpace("r "+classes[line.style]), i, margin, titleBar+14+i*lineHeight)
		_ = xml.EscapeText(&out, []byte(strings.ReplaceAll(line.text, " ", noBreakSpace))) // a buffer takes all
		out.WriteString("</text>\n")
	}
	out.WriteString("</g></g>\n</svg>\n")
	return out.Bytes()
}

// keyframes says when each line appears, and when the screen scrolls.
func keyframes(out *bytes.Buffer, times []float64) {
	for i, at := range times {
		fmt.Fprintf(out, "@keyframes a%d{0%%{opacity:0}%.2f%%,to{opacity:1}}\n", i, at)
	}
	out.WriteString("@keyframes scroll{0%{transform:none}")
	for i, at := range times {
		if n := scrolled(i + 1); n > 0 {
			fmt.Fprintf(out, "%.2f%%{transform:translateY(-%dpx)}", at, n*lineHeight)
		}
	}
	fmt.Fprintf(out, "to{transform:translateY(-%dpx)}}\n", scrolled(len(times))*lineHeight)
}

// scrolled is how many of n lines have left the screen.
func scrolled(n int) int { return max(0, n-rows) }

// wrap breaks long lines as a terminal does, but behind a word if there is one.
func wrap(lines []styled) (screen []styled) {
	for _, line := range lines {
		runes := []rune(line.text)
		for len(runes) > columns {
			end := columns
			if at := strings.LastIndex(string(runes[:columns]), " "); at > columns/2 {
				end = len([]rune(string(runes[:columns])[:at+1]))
			}
			screen = append(screen, styled{line.style, string(runes[:end])})
			runes = runes[end:]
		}
		screen = append(screen, styled{line.style, string(runes)})
	}
	return screen
}

// schedule is when each line appears, in percent of the whole. Before a step is the time to read
// the last, before a command that to type it.
func schedule(screen []styled) []float64 {
	at := make([]float64, len(screen))
	var sum float64
	for i, line := range screen {
		switch {
		case i == 0:
		case line.style == blue:
			sum += 12
		case line.style == bold:
			sum += 5
		default:
			sum++
		}
		at[i] = sum
	}
	for i := range at {
		at[i] *= 100 * playing.Seconds() / (playing + holding).Seconds() / max(sum, 1)
	}
	return at
}
