// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Duration is a length of time in Go's syntax, such as 90s or 1h30m.
var Duration = Kind{Name: "duration", Ordered: true, Parse: parseDuration}

func parseDuration(text string) (Value, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		return Value{Text: ShortDuration(d), Number: int64(d)}, nil
	case digits(text):
		return Value{}, fmt.Errorf("has no unit; write %q for seconds", text+"s")
	case strings.HasSuffix(text, "d") && digits(text[:len(text)-1]):
		return Value{}, fmt.Errorf("has the unit d, which durations do not have; write hours, such as 24h for a day")
	}
	number, unit := strings.TrimRight(text, letters), strings.ToLower(strings.TrimLeft(text, "0123456789. "))
	if number = strings.TrimSpace(number); number != "" && strings.Trim(number, "0123456789.") == "" {
		for right, names := range unitNames {
			_, err := time.ParseDuration(number + right)
			switch {
			case err != nil || !slices.Contains(names, unit):
			case unit == right:
				return Value{}, fmt.Errorf("must be written without spaces and in lower case, %q", number+right)
			default:
				return Value{}, fmt.Errorf("has the unit %s, which durations do not have; write %q", unit, number+right)
			}
		}
		if slices.Contains([]string{"d", "day", "days", "w", "week", "weeks"}, unit) {
			return Value{}, fmt.Errorf("has the unit %s, which durations do not have; write hours, such as 24h for a day", unit)
		}
	}
	return Value{}, errors.New("must be a duration with a unit, such as 500ms, 30s, 10m or 1h30m")
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// unitNames are the names that people have for units.
var unitNames = map[string][]string{
	"ms": {"ms", "msec", "msecs", "millis", "millisecond", "milliseconds"},
	"s":  {"s", "sec", "secs", "second", "seconds"},
	"m":  {"m", "min", "mins", "minute", "minutes"},
	"h":  {"h", "hr", "hrs", "hour", "hours"},
}

// ShortDuration is Duration.String without the zero parts: "1m" instead of "1m0s".
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
