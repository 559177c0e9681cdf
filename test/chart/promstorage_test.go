// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrape is how often Prometheus scrapes and evaluates in these tests.
const scrape = 30 * time.Second

// history is what Prometheus has scraped: the value of each series at each time, and whether
// it was there.
type history map[string]func(at time.Duration) (value float64, scraped bool)

// stored are the series of a history until end. As in Prometheus, a series that is gone gets a
// marker which says so. (Its own storage would bring the libraries of three clouds along.)
func stored(t *testing.T, h history, end time.Duration) querier {
	t.Helper()
	var all querier
	for series, at := range h {
		metric, err := parser.NewParser(parser.Options{}).ParseMetric(series)
		if err != nil {
			t.Fatalf("%s: %v", series, err)
		}
		var samples []chunks.Sample
		there := false
		for now := time.Duration(0); now <= end; now += scrape {
			v, scraped := at(now)
			if !scraped && there {
				v = math.Float64frombits(value.StaleNaN)
			}
			if scraped || there {
				samples = append(samples, sample{now.Milliseconds(), v})
			}
			there = scraped
		}
		all = append(all, storage.NewListSeries(metric, samples))
	}
	return all
}

type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// querier is a storage of Prometheus that holds these series.
type querier []storage.Series

func (q querier) Querier(int64, int64) (storage.Querier, error) { return q, nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
series:
	for _, s := range q {
		for _, m := range matchers {
			if !m.Matches(s.Labels().Get(m.Name)) {
				continue series
			}
		}
		found.rest = append(found.rest, s)
	}
	return found
}

func (q querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (q querier) Close() error { return nil }

type seriesSet struct {
	at   storage.Series
	rest []storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.rest) == 0 {
		return false
	}
	s.at, s.rest = s.rest[0], s.rest[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
