// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/pillion-dev/pillion/internal/explain"
)

const (
	// watchPause is the least time between two judgements of the pods, so that a rollout costs
	// one for many changes.
	watchPause = 500 * time.Millisecond
	// watchTick is the time between two judgements when no pod changes: commits do, and a pod
	// may have waited too long.
	watchTick = 5 * time.Second
	// deleted is the state of a pod that was in the table and no longer exists.
	deleted = "Deleted"
)

// statusWatch prints pods, and then those of which the row changes.
type statusWatch struct {
	*statusOptions
	board       *board
	out, errOut io.Writer
	widths      []int
	last        map[string][]string // rows as they were printed, by namespace/name
	said        map[string]bool     // warnings
}

// watch prints the pods and their changes until ctx ends, which is no error.
func (o *statusOptions) watch(ctx context.Context, out, errOut io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.output == "json" || o.output == "yaml" {
		return fmt.Errorf("--output %s: with --watch it must be text, wide or name, since changes are printed as lines", o.output)
	}
	client, err := o.cluster.Connect()
	if err != nil {
		return err
	}
	b := newBoard(&dashboardOptions{policy: o.policy, content: o.content, cluster: o.cluster}, client, !o.all)
	b.selector, b.fallback = o.selector, false
	ctx, stop := context.WithCancel(ctx)
	following := make(chan struct{})
	go func() {
		defer close(following)
		b.follow(ctx)
	}()
	defer func() { stop(); <-following }()
	w := &statusWatch{statusOptions: o, board: b, out: out, errOut: errOut, said: map[string]bool{}}
	err = w.run(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // what failed was cut off by the end of the watch
	}
	return err
}

func (w *statusWatch) run(ctx context.Context) error {
	select {
	case <-w.board.listed:
	case <-ctx.Done():
		return nil
	}
	for {
		if err := w.round(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.board.changed:
		case <-time.After(watchTick):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
	}
}

// round judges the pods once and prints what is new. Only the first may fail because of the
// cluster: later, what is known stands until it answers again.
func (w *statusWatch) round(ctx context.Context) error {
	b := w.board
	b.looking.Lock()
	defer b.looking.Unlock()
	b.refresh(ctx)
	found, _, notes, failed := b.snapshot()
	if failed = cmp.Or(b.worldErr, failed); failed != nil {
		if w.last == nil {
			return failed
		}
		notes = append(notes, failed.Error())
	}
	for _, p := range found {
		b.world.newest.Add(p)
	}
	pods, all := b.judged(ctx, found)
	if w.content {
		if w.last == nil {
			b.contents.first(ctx, b.client, all)
		}
		answers := b.contents.of(ctx, b.client, all)
		for _, p := range all {
			i := slices.IndexFunc(pods, func(s podStatus) bool { return s.Namespace == p.namespace && s.Name == p.pod })
			if a, known := answers[p]; known {
				pods[i].Content = append(pods[i].Content, a)
			}
		}
		if why := b.contents.why(); why != "" {
			notes = append(notes, "what git-pollers publish is not known: "+why+"; ask for the right to create pods/exec")
		}
	}
	w.warn(append(notes, b.unknown()...))
	return w.print(pods, found)
}

// warn says each thing once.
func (w *statusWatch) warn(notes []string) {
	for _, text := range notes {
		if !w.said[text] {
			w.said[text] = true
			fmt.Fprintf(w.errOut, "warning: %s\n", printable(text))
		}
	}
}

// print writes the rows that are not as they were printed last: at first all, below a header.
func (w *statusWatch) print(pods []podStatus, found []*explain.PodIn) error {
	slices.SortFunc(pods, func(a, b podStatus) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var rows [][]string
	next := map[string][]string{}
	for i := range pods {
		p := &pods[i]
		key, row := p.Namespace+"/"+p.Name, w.row(p)
		if next[key] = row; !slices.Equal(row, w.last[key]) {
			rows = append(rows, w.wide(p, row))
		}
	}
	exists := func(key string) bool {
		return slices.ContainsFunc(found, func(p *explain.PodIn) bool { return p.Namespace+"/"+p.Name == key })
	}
	for key, row := range w.last {
		if next[key] == nil && !exists(key) {
			row = slices.Clone(row)
			row[2], row[len(row)-1] = deleted, "-"
			rows = append(rows, w.wide(nil, row))
		}
	}
	if w.last == nil && w.output != "name" {
		rows = slices.Insert(rows, 0, w.wide(nil, []string{"NAMESPACE", "POD", "STATE", "HELPERS", "COMMIT", "VERSION", "POLICY", "HASH", "WHY"}))
	}
	w.last = next
	return w.write(rows)
}

// row is what is compared and printed of a pod.
func (w *statusWatch) row(p *podStatus) []string {
	var commits, why []string
	for _, f := range p.Findings {
		if f.Problem && !slices.Contains(why, string(f.Code)) {
			why = append(why, string(f.Code))
		}
	}
	for _, c := range p.Content {
		switch s := c.Status; s {
		case nil:
			commits = append(commits, "?")
		default:
			commits = append(commits, shortCommit(s.Commit))
			if s.Failures > 0 && s.LastError != nil {
				why = append(why, "poll failed: "+s.LastError.Reason)
			}
		}
	}
	row := []string{
		p.Namespace, p.Name, string(p.State), strings.Join(p.Helpers, ","), strings.Join(commits, ","),
		p.Version, p.Policy, p.PolicyHash, strings.Join(why, ","),
	}
	for i := range row {
		row[i] = dash(printable(row[i]))
	}
	return row
}

// wide is a row as --output has it. p is nil for the header, and for a pod that is gone.
func (w *statusWatch) wide(p *podStatus, row []string) []string {
	if w.output == "name" {
		return []string{"pod/" + row[1]}
	}
	row = slices.Clone(row)
	if w.output == "wide" {
		more := []string{"-", "-"}
		switch {
		case p != nil:
			more = []string{duration.HumanDuration(time.Since(p.Created)), dash(printable(p.Node))}
		case w.last == nil:
			more = []string{"AGE", "NODE"}
		}
		row = append(row, more...)
	}
	if !w.all {
		row = row[1:]
	}
	return row
}

// write aligns the rows with those before, as kubectl does.
func (w *statusWatch) write(rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(w.widths) {
				w.widths = append(w.widths, 0)
			}
			w.widths[i] = max(w.widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", w.widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w.out, b.String())
	return err
}
