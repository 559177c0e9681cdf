// SPDX-License-Identifier: Apache-2.0

// Command plots draws the figures of docs/performance.md as SVG, from the ratios that
// test/bench and test/bench/apiserver have committed. Run it in the root of the repository.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"strings"
)

// ratios are those of Pillion's figure to others', by row and by the other.
type ratios map[string]map[string]float64

func main() {
	review, err := read("test/bench/testdata/ratios.json")
	create, err2 := read("test/bench/apiserver/testdata/ratios.json")
	if err := errors.Join(err, err2, draw(review, create)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(file string) (ratios, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r ratios
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func draw(review, create ratios) error {
	var cpu, whole []group
	for _, name := range []string{"small", "20-containers", "nothing-asked", "already-there", "small, other versions", "20-containers, other versions", "small, all different", "20-containers, all different"} {
		if to := review[name+", c=8: cpu, µs"]; to != nil {
			own := to["fixed"]
			cpu = append(cpu, group{name, []bar{{"fixed reply", 1}, {"Pillion", own}, {"net/http and encoding/json", own / to["plain"]}, {"controller-runtime", own / to["naive"]}}})
		}
	}
	for _, name := range []string{"small, c=8", "small, c=1", "20-containers, c=8"} {
		if to := create[name]; to != nil {
			own := to["neither"]
			whole = append(whole, group{name, []bar{{"no sidecar", 1}, {"MutatingAdmissionPolicy", own / to["native"]}, {"Pillion", own}}})
		}
	}
	return errors.Join(
		write("docs/img/review-cpu.svg", "Processor time of a review, c=8: multiples of a fixed reply (logarithmic)", cpu, func(x float64) float64 { return math.Log(x) + 0.1 }),
		write("docs/img/create.svg", "Time of a whole creation: multiples of one without a sidecar", whole, func(x float64) float64 { return x }),
	)
}

// group is what a row has: bars side by side.
type group struct {
	name string
	bars []bar
}

type bar struct {
	name  string
	value float64
}

// Sizes in pixels.
const (
	barHeight   = 18
	groupGap    = 14
	labelWidth  = 200
	plotWidth   = 420
	valueWidth  = 220
	titleHeight = 34
)

var colours = map[string]string{"Pillion": "#1f6feb"}

func write(file, title string, groups []group, scale func(float64) float64) error {
	most := 0.0
	for _, g := range groups {
		for _, b := range g.bars {
			most = max(most, scale(b.value))
		}
	}
	var out strings.Builder
	y := titleHeight
	for _, g := range groups {
		fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelWidth-10, y+barHeight-5, html.EscapeString(g.name))
		for _, b := range g.bars {
			colour := colours[b.name]
			if colour == "" {
				colour = "#9aa4b2"
			}
			width := max(scale(b.value)/most*plotWidth, 1)
			fmt.Fprintf(&out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", labelWidth, y, width, barHeight-3, colour)
			fmt.Fprintf(&out, "<text x=\"%.1f\" y=\"%d\">%.2f %s</text>\n", labelWidth+width+6, y+barHeight-6, b.value, html.EscapeString(b.name))
			y += barHeight
		}
		y += groupGap
	}
	svg := fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%[1]d\" height=\"%[2]d\" viewBox=\"0 0 %[1]d %[2]d\" font-family=\"sans-serif\" font-size=\"12\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n<text x=\"10\" y=\"20\" font-size=\"14\" font-weight=\"bold\">%[3]s</text>\n%[4]s</svg>\n",
		labelWidth+plotWidth+valueWidth, y, html.EscapeString(title), out.String())
	return os.WriteFile(file, []byte(svg), 0o644)
}
