// SPDX-License-Identifier: Apache-2.0

package datewriter

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

// The narrowest values that make sense; internal/inject allows no others.
const (
	minInterval = 100 * time.Millisecond
	minMaxSize  = 4 << 10 // bytes; many times the longest line
)

// Options says what to write where, and when.
type Options struct {
	File     string         // absolute path of one name directly below the mounted volume
	Interval time.Duration  // from one date to the next, at least 100ms
	Mode     Mode           // what becomes of the date before
	Format   Format         // how a date is written
	Location *time.Location // the zone it is written in; nil is UTC
	MaxSize  int64          // bytes, at least 4096; beyond it Append drops the oldest lines
	Log      *slog.Logger   // required
}

// Mode says what becomes of the date before.
type Mode string

// The modes, as they are spelled in the annotation.
const (
	Append  Mode = "append"  // it stays, the new date is the last line
	Replace Mode = "replace" // it goes, the new date is the only line
)

// ParseMode takes a mode as it is spelled in the annotation.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case Append, Replace:
		return m, nil
	default:
		return "", fmt.Errorf("mode %q is unknown: use append or replace", text)
	}
}

// Format says how a date is written.
type Format string

// The formats, as they are spelled in the annotation.
const (
	UnixDate Format = "unix-date" // as date(1) prints it in the C locale
	RFC3339  Format = "rfc3339"   // as date -Iseconds, but with Z for +00:00
	RFC1123  Format = "rfc1123"   // as date -R: with the offset, since RFC 1123 §5.2.14 advises against zone names
)

// ParseFormat takes a format as it is spelled in the annotation.
func ParseFormat(text string) (Format, error) {
	f := Format(text)
	if f.layout() == "" {
		return "", fmt.Errorf("format %q is unknown: use unix-date, rfc3339 or rfc1123", text)
	}
	return f, nil
}

// layout is the format as package time spells it, "" for a format that is none.
func (f Format) layout() string {
	switch f {
	case UnixDate:
		return time.UnixDate
	case RFC3339:
		return time.RFC3339
	case RFC1123:
		return time.RFC1123Z
	default:
		return ""
	}
}

// check finds what nobody who came through the webhook can have asked for.
func (o *Options) check() error {
	if _, err := ParseMode(string(o.Mode)); err != nil {
		return err
	}
	if _, err := ParseFormat(string(o.Format)); err != nil {
		return err
	}
	switch {
	case !filepath.IsAbs(o.File) || filepath.Clean(o.File) != o.File || o.File == "/":
		return fmt.Errorf("file %q cannot be used: give the absolute path of a file, such as /content/index.html", o.File)
	case o.Interval < minInterval:
		return fmt.Errorf("interval %s is too short: use at least %s", o.Interval, minInterval)
	case o.MaxSize < minMaxSize:
		return fmt.Errorf("max-size of %d bytes is too small: use at least %d", o.MaxSize, minMaxSize)
	}
	return nil
}
