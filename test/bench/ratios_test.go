// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// ratiosFile has, for each row and column of the tables that is held to it, the ratios of
// Pillion's figure to those of the baselines when it was committed. They are ratios and no
// times, so they hold on other machines. hack/plots draws them.
const ratiosFile = "testdata/ratios.json"

// ratios are by row and column, and by baseline.
type ratios map[string]map[string]float64

// tooMuch is how far above its committed ratio to fixed a row may be. Between runs on a busy
// machine the median of six rounds moves by a tenth.
const tooMuch = 1.25

// asserted are the columns that are held to it: processor time and memory. Latency is mostly
// the machine's.
func asserted(column string) bool {
	return strings.HasPrefix(column, "cpu") || strings.HasPrefix(column, "peak")
}

// keep holds what was measured against the committed ratios, or commits it.
func keep(update bool, tables ...*table) error {
	text, err := os.ReadFile(ratiosFile)
	if err != nil {
		return err
	}
	committed := ratios{}
	if err := json.Unmarshal(text, &committed); err != nil {
		return fmt.Errorf("%s: %w", ratiosFile, err)
	}
	measured := ratios{}
	for _, t := range tables {
		for _, r := range t.rows {
			for i, column := range t.columns {
				if !asserted(column) {
					continue
				}
				to := map[string]float64{}
				for _, kind := range kinds[1:] {
					to[kind] = math.Round(r.ratio(i, kind)*1000) / 1000
				}
				measured[r.name+": "+column] = to
			}
		}
	}
	if update {
		maps.Copy(committed, measured)
		text, err := json.MarshalIndent(committed, "", "  ")
		return errors.Join(err, os.WriteFile(ratiosFile, append(text, '\n'), 0o644))
	}
	return worse(committed, measured)
}

// worse names the rows that are further above their committed ratio than they may be.
func worse(committed, measured ratios) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(measured)) {
		ratio := measured[name][fixed]
		switch most, has := committed[name][fixed]; {
		case !has:
			problems = append(problems, fmt.Errorf("%s: %s has no ratio for it; run with -update", name, ratiosFile))
		case ratio > most*tooMuch:
			problems = append(problems, fmt.Errorf("%s is %.2f times that of fixed; it was %.2f when %s was written, and may be %.2f", name, ratio, most, ratiosFile, most*tooMuch))
		}
	}
	return errors.Join(problems...)
}
