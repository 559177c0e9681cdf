// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// table is what one benchmark has measured in all of its runs.
type table struct {
	columns [3]string // of figures, with units
	rows    []*row
}

type row struct {
	name   string
	rounds []map[string]figures // by server
}

// row returns the row of this name, a new one if there is none.
func (t *table) row(name string) *row {
	if i := slices.IndexFunc(t.rows, func(r *row) bool { return r.name == name }); i >= 0 {
		return t.rows[i]
	}
	t.rows = append(t.rows, &row{name: name})
	return t.rows[len(t.rows)-1]
}

// round gives each server a turn. In each round another one is the first.
func (r *row) round(b *testing.B, turn func(server string) (figures, error)) {
	b.Helper()
	round := map[string]figures{}
	for i := range kinds {
		kind := kinds[(i+len(r.rounds))%len(kinds)]
		f, err := turn(kind)
		if err != nil {
			b.Fatal(err)
		}
		round[kind] = f
	}
	r.rounds = append(r.rounds, round)
}

// summary is the median of Pillion's figures, and of their ratios to those that the
// baselines had in the same round.
func (r *row) summary(column int) (own, toFixed, toNaive float64) {
	median := func(per func(map[string]figures) float64) float64 {
		var all []float64
		for _, round := range r.rounds {
			all = append(all, round[pillion][column]/per(round))
		}
		slices.Sort(all)
		return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	}
	return median(func(map[string]figures) float64 { return 1 }),
		median(func(round map[string]figures) float64 { return round[fixed][column] }),
		median(func(round map[string]figures) float64 { return round[naive][column] })
}

// report writes the line of a benchmark.
func (t *table) report(b *testing.B, r *row) {
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	for i, column := range t.columns {
		name, unit, _ := strings.Cut(column, ", ")
		own, toFixed, toNaive := r.summary(i)
		b.ReportMetric(own, name+"-"+unit)
		b.ReportMetric(toFixed, name+"/fixed")
		b.ReportMetric(toNaive, name+"/naive")
	}
}

// print writes the table as Markdown, for docs/performance.md.
func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| | %s | × fixed | × naive |", strings.Join(t.columns[:], " | × fixed | × naive | "))
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---:|", 3*len(t.columns)))
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |", r.name)
		for i := range t.columns {
			own, toFixed, toNaive := r.summary(i)
			fmt.Fprintf(w, " %.0f | %.2f | %.2f |", own, toFixed, toNaive)
		}
		fmt.Fprintln(w)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "\nMedians of %d rounds; %s on %d processors, load average %s", len(t.rows[0].rounds), runtime.Version(), runtime.NumCPU(), load)
}
