// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// table is what was measured in all runs.
type table struct{ rows []*row }

type row struct {
	name   string
	rounds []map[string]float64 // milliseconds for each creation, by way
}

func (t *table) row(name string) *row {
	if i := slices.IndexFunc(t.rows, func(r *row) bool { return r.name == name }); i >= 0 {
		return t.rows[i]
	}
	t.rows = append(t.rows, &row{name: name})
	return t.rows[len(t.rows)-1]
}

func (r *row) median(of func(round map[string]float64) float64) float64 {
	var all []float64
	for _, round := range r.rounds {
		all = append(all, of(round))
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// ratio is the median of the ratios in each round.
func (r *row) ratio(way, to string) float64 {
	return r.median(func(round map[string]float64) float64 { return round[way] / round[to] })
}

// figuresFile has the ratios that were measured when it was committed. hack/plots draws them.
const figuresFile = "testdata/ratios.json"

// commit writes the figures.
func (t *table) commit() error {
	all := map[string]map[string]float64{}
	for _, r := range t.rows {
		all[r.name] = map[string]float64{}
		for _, to := range []string{native, neither} {
			all[r.name][to] = math.Round(r.ratio(webhook, to)*1000) / 1000
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	return errors.Join(err, os.WriteFile(figuresFile, append(text, '\n'), 0o644))
}

// print writes the table as Markdown, for docs/performance.md.
func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprint(w, "\n| a creation | webhook, ms | native, ms | neither, ms | webhook × native | webhook × neither | native × neither |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |", r.name)
		for _, way := range ways {
			fmt.Fprintf(w, " %.2f |", r.median(func(round map[string]float64) float64 { return round[way] }))
		}
		fmt.Fprintf(w, " %.2f | %.2f | %.2f |\n", r.ratio(webhook, native), r.ratio(webhook, neither), r.ratio(native, neither))
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "\nMedians of %d rounds; load average %s", len(t.rows[0].rounds), load)
}
