// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
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
	return Value{}, errors.New("must be a duration with a unit, such as 500ms, 30s, 10m or 1h30m")
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
