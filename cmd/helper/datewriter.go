// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"time"
	_ "time/tzdata" // the image holds no zones

	"github.com/pillion-dev/pillion/internal/datewriter"
	"github.com/pillion-dev/pillion/internal/quantity"
)

var dateWriterVerb = verb{name: "date-writer", does: "write the date into a file, again and again", run: runDateWriter}

func parseDateWriter(e env) (*datewriter.Options, error) {
	o := &datewriter.Options{MaxSize: 1 << 20, Log: e.log}
	flags := flag.NewFlagSet("date-writer", flag.ContinueOnError)
	flags.StringVar(&o.File, "file", "", "the `file` to write")
	flags.DurationVar(&o.Interval, "interval", time.Second, "`time` between two dates")
	mode := flags.String("mode", "append", "append or replace")
	format := flags.String("format", "unix-date", "unix-date, rfc3339 or rfc1123")
	zone := flags.String("timezone", "UTC", "IANA `name` of the time zone")
	flags.Var((*quantity.Bytes)(&o.MaxSize), "max-size", "`bytes` beyond which the oldest lines are dropped, such as 1Mi")
	if err := parse(flags, e); err != nil {
		return nil, err
	}
	if o.File == "" {
		return nil, usageError{errors.New("--file is needed: the file to write")}
	}
	var errs [3]error
	o.Mode, errs[0] = datewriter.ParseMode(*mode)
	o.Format, errs[1] = datewriter.ParseFormat(*format)
	o.Location, errs[2] = time.LoadLocation(*zone)
	if errs[2] != nil {
		errs[2] = fmt.Errorf("--timezone=%s: %w", *zone, errs[2])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, usageError{err}
	}
	return o, nil
}

func runDateWriter(e env) error {
	o, err := parseDateWriter(e)
	if err != nil {
		return err
	}
	return datewriter.Run(e.ctx, *o)
}
