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

// median is that of Pillion's figure.
func (r *row) median(column int) float64 {
	return r.middle(func(round map[string]figures) float64 { return round[pillion][column] })
}

// ratio is the median of the ratios of Pillion's figure to that of a baseline in the same round.
func (r *row) ratio(column int, to string) float64 {
	return r.middle(func(round map[string]figures) float64 { return round[pillion][column] / round[to][column] })
}

func (r *row) middle(of func(round map[string]figures) float64) float64 {
	var all []float64
	for _, round := range r.rounds {
		all = append(all, of(round))
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// baselines are what a column is compared with: all of them in the first one.
func baselines(column int) []string {
	if column == 0 {
		return kinds[1:]
	}
	return []string{fixed}
}

// report writes the line of a benchmark.
func (t *table) report(b *testing.B, r *row) {
	b.ReportMetric(0, "ns/op") // of a round, which says nothing
	for i, column := range t.columns {
		name, unit, _ := strings.Cut(column, ", ")
		b.ReportMetric(r.median(i), name+"-"+unit)
		for _, to := range baselines(i) {
			b.ReportMetric(r.ratio(i, to), name+"/"+to)
		}
	}
}

// print writes the table as Markdown, for docs/performance.md.
func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	head, line := "| |", "|---|"
	for i, column := range t.columns {
		head, line = head+" "+column+" |", line+"---:|"
		for _, to := range baselines(i) {
			head, line = head+" × "+to+" |", line+"---:|"
		}
	}
	fmt.Fprintf(w, "\n%s\n%s\n", head, line)
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |", r.name)
		for i := range t.columns {
			fmt.Fprintf(w, " %.0f |", r.median(i))
			for _, to := range baselines(i) {
				fmt.Fprintf(w, " %.2f |", r.ratio(i, to))
			}
		}
		fmt.Fprintln(w)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "\nMedians of %d rounds; %s on %d processors, load average %s", len(t.rows[0].rounds), runtime.Version(), runtime.NumCPU(), load)
}
